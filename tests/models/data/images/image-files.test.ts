import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readImages } from '../../../../models/data/images/image-files.ts';
import { parseTarget } from '../../../../models/data/images/image-target.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith, plainPng, rawPng } from '../../../helpers/data/image-files.ts';

const square = { width: 2, height: 2 };
const colour = { channels: 3 } as const;

test('pixels become planes, bit by bit; grey is repeated for colour and colour made grey', async () => {
  const bytes = Uint8Array.from({ length: 18 }, (_, i) => 10 * i);
  const folder = await folderWith({
    'colour.png': await rawPng(bytes, 3, 2, 3),
    'grey.png': await rawPng(Uint8Array.of(1, 2, 3, 4, 5, 6), 3, 2, 1),
  });
  const files = ['colour.png', 'grey.png'].map((name) => join(folder, name));
  const { shape, images } = await readImages(files, colour, { cache: join(folder, 'cache') });
  expect(shape).toEqual([3, 2, 3]);
  const planes = [0, 1, 2].flatMap((c) => [0, 1, 2, 3, 4, 5].map((i) => bytes[3 * i + c]!));
  expect([...images]).toEqual([...planes, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6, 1, 2, 3, 4, 5, 6]);
  const grey = await readImages(files, { channels: 1 }, { cache: join(folder, 'cache') });
  expect(grey.shape).toEqual([1, 2, 3]);
  expect([...grey.images.subarray(6)]).toEqual([1, 2, 3, 4, 5, 6]);
});

test('a target size scales to cover and crops at the centre', async () => {
  // 8 x 2: black, white in the middle half, black.
  const stripes = Uint8Array.from({ length: 16 }, (_, i) => (i % 8 >= 2 && i % 8 < 6 ? 255 : 0));
  const folder = await folderWith({ 'a.png': await rawPng(stripes, 8, 2, 1) });
  const target = { channels: 1, size: { height: 2, width: 2 } } as const;
  const { shape, images } = await readImages([join(folder, 'a.png')], target, { cache: folder });
  expect(shape).toEqual([1, 2, 2]);
  expect([...images]).toEqual([255, 255, 255, 255]); // the centre; a squeezed image would be darker
});

test('what was decoded comes from the cache until a file changes; a damaged cache is decoded again', async () => {
  const folder = await folderWith({ 'a.png': await plainPng([1, 2, 3], square) });
  const [file, cache] = [join(folder, 'a.png'), join(folder, 'cache')];
  const read = async () => {
    let decoded = 0;
    const { images } = await readImages([file], colour, { cache, onProgress: () => void decoded++ });
    return { first: images[0], decoded };
  };
  expect(await read()).toEqual({ first: 1, decoded: 1 });
  expect(await read()).toEqual({ first: 1, decoded: 0 });
  const [kept] = await readdir(cache);
  const bytes = await readFile(join(cache, kept!));
  await writeFile(join(cache, kept!), bytes.subarray(0, bytes.length - 1));
  expect(await read()).toEqual({ first: 1, decoded: 1 });
  await writeFile(file, await plainPng([9, 9, 9], square));
  await utimes(file, 1, 1);
  expect(await read()).toEqual({ first: 9, decoded: 1 });
});

test.each([
  ['absent', undefined, /b\.png: no such image file/],
  ['no image', 'text', /b\.png: the image cannot be decoded/],
  ['cut', 'cut', /b\.png: the image cannot be decoded/],
  ['of another size', 'wide', /b\.png: expected 2 x 2 pixels .* got 3 x 2; give a size for all, e\.g\. @2/],
])('a file that is %s is a DataError that names it', async (_title, kind, reason) => {
  const noise = Uint8Array.from({ length: 4 }, (_, i) => 50 * i);
  const whole = await rawPng(noise, 2, 2, 1);
  const contents: Record<string, Uint8Array | string> = {
    text: 'not an image',
    cut: whole.subarray(0, whole.length - 20),
    wide: await plainPng([1], { width: 3, height: 2 }),
  };
  const folder = await folderWith({ 'a.png': whole, ...(kind && { 'b.png': contents[kind]! }) });
  const read = readImages(
    ['a.png', 'b.png'].map((name) => join(folder, name)),
    colour,
    { cache: folder },
  );
  await expect(read).rejects.toThrow(DataError);
  await expect(read).rejects.toThrow(reason);
  expect((await readdir(folder)).filter((name) => name.endsWith('.idx'))).toEqual([]);
});

test('images that would not fit in memory are refused before the first is decoded', async () => {
  const folder = await folderWith({ 'a.png': await plainPng([1], square) });
  const files = new Array<string>(50).fill(join(folder, 'a.png'));
  const target = { channels: 3, size: { height: 4096, width: 4096 } } as const;
  await expect(readImages(files, target, { cache: folder })).rejects.toThrow(
    /expected at most \d+: give a smaller/,
  );
});

test('sizes at the end of an argument', () => {
  const size = (height: number, width: number) => ({ height, width });
  expect(parseTarget('a/b')).toEqual({ path: 'a/b', target: { channels: 3 } });
  expect(parseTarget('a@64')).toEqual({ path: 'a', target: { channels: 3, size: size(64, 64) } });
  expect(parseTarget('a@48x64')).toEqual({ path: 'a', target: { channels: 3, size: size(48, 64) } });
  expect(parseTarget('a@1x28x29')).toEqual({ path: 'a', target: { channels: 1, size: size(28, 29) } });
  expect(parseTarget('me@home')).toEqual({ path: 'me@home', target: { channels: 3 } });
  for (const wrong of ['a@0', 'a@2x28x28', 'a@9999'])
    expect(() => parseTarget(wrong)).toThrow(/expected 1 or 3 channels and sizes of 1 to 4096/);
});
