import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { encodeIdx, parseIdx, readIdx } from '../../../../models/data/images/idx.ts';
import { DataError } from '../../../../src/shared/errors.ts';

// From the format's description: two images of 1 x 3.
const file = Uint8Array.of(0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 10, 11, 12, 13, 14, 15);
const changed = (at: number, value: number): Uint8Array => file.with(at, value);

test('known bytes are read, plain and gzipped', () => {
  for (const bytes of [file, gzipSync(file)]) {
    const { shape, data } = parseIdx(bytes, 'f', [3]);
    expect(shape).toEqual([2, 1, 3]);
    expect([...data]).toEqual([10, 11, 12, 13, 14, 15]);
  }
});

test('what is encoded is those bytes', () => {
  expect(encodeIdx({ shape: [2, 1, 3], data: file.subarray(16) })).toEqual(file);
});

test.each([
  ['empty', new Uint8Array(0), /expected an IDX file, got 0 bytes/],
  ['another format', changed(0, 0x89), /first two bytes must be zero/],
  ['floats', changed(2, 0x0d), /type 0x08 .* got 0x0d/],
  ['another rank', changed(3, 1), /expected 3 or 4 dimensions, got 1/],
  ['cut in the header', file.subarray(0, 9), /header of 16 bytes, got a file of 9/],
  ['cut in the data', file.subarray(0, 21), /needs 6 bytes after the header, got 5/],
  ['bytes too many', Uint8Array.of(...file, 0), /needs 6 bytes after the header, got 7/],
  ['no images', changed(7, 0), /a dimension is zero in \[0, 1, 3\]/],
  ['a size beyond the file', changed(4, 0xff), /needs \d+ bytes after the header, got 6/],
  ['damaged gzip', gzipSync(file).subarray(0, 20), /damaged gzip/],
])('%s: a DataError names the file', (_title, bytes, reason) => {
  const parse = () => parseIdx(bytes, 'some-file', [3, 4]);
  expect(parse).toThrow(DataError);
  expect(parse).toThrow(reason);
  expect(parse).toThrow(/^some-file: /);
});

test('a file that is not there is a DataError; one that is, is read', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'idx-'));
  const path = join(folder, 'images');
  await expect(readIdx(path, [3])).rejects.toThrow(DataError);
  await writeFile(path, file);
  expect((await readIdx(path, [3])).shape).toEqual([2, 1, 3]);
});
