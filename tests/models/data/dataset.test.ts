import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cacheFolder } from '../../../models/data/images/disk.ts';
import { loadDataset, pixels, subset } from '../../../models/data/dataset.ts';
import { idxFiles } from '../../../models/data/forms/idx-pair.ts';
import { encodeIdx } from '../../../models/data/images/idx.ts';
import { DataError } from '../../../src/shared/errors.ts';

const images = encodeIdx({ shape: [3, 1, 2], data: Uint8Array.of(0, 255, 51, 102, 153, 204) });
const labels = encodeIdx({ shape: [3], data: Uint8Array.of(0, 2, 1) });

async function folderOf(files: Record<string, Uint8Array>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'data-'));
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
  return folder;
}

test('the part in the package: 700 and 150 images of each class', async () => {
  for (const [split, perClass] of [
    ['train', 700],
    ['test', 150],
  ] as const) {
    const part = await loadDataset('fashion-mnist-part', split);
    expect(part.shape).toEqual([1, 28, 28]);
    expect(part.n).toBe(10 * perClass);
    expect(part.images.length).toBe(part.n * 784);
    const counts = part.classes.map((_, label) => part.labels.filter((l) => l === label).length);
    expect(counts).toEqual(new Array(10).fill(perClass));
  }
});

test('two IDX files by name; classes are numbers', async () => {
  const folder = await folderOf({ a: images, b: labels });
  const data = await loadDataset(`idx:${join(folder, 'a')},${join(folder, 'b')}`, 'test');
  expect(data).toMatchObject({ n: 3, shape: [1, 1, 2], classes: ['0', '1', '2'] });
  expect([...data.labels]).toEqual([0, 2, 1]);
  expect([...pixels(data, [2, 0])]).toEqual([Math.fround(0.6), Math.fround(0.8), 0, 1]);
  expect([...subset(data, [1]).images]).toEqual([51, 102]);
  expect(() => pixels(data, [3])).toThrow(/from 0 to 2, got 3/);
});

test('IDX with four dimensions has its channels', async () => {
  const colour = encodeIdx({ shape: [3, 2, 1, 1], data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
  const folder = await folderOf({ a: colour, b: labels });
  const data = await loadDataset(`idx:${join(folder, 'a')},${join(folder, 'b')}`, 'test');
  expect(data.shape).toEqual([2, 1, 1]);
});

test('a data set that is absent says both ways to get it and where it was looked for', async () => {
  const folder = await folderOf({});
  const load = loadDataset('fashion-mnist', 'train', { folder });
  await expect(load).rejects.toThrow(DataError);
  await expect(load).rejects.toThrow(/reluctant data fetch.*apt install dataset-fashion-mnist/);
  await expect(load).rejects.toThrow(folder);
});

test.each([
  ['an unknown name', 'imagenet', /'imagenet' is not known: expected fashion-mnist-part, .*csv:FILE/],
  ['a prefix without its argument', 'cifar10', /expected cifar10:FOLDER/],
  ['an argument too many', 'fashion-mnist:x', /expected fashion-mnist/],
  ['idx: with one file', 'idx:a', /idx:IMAGES,LABELS/],
  ['idx: with three files', 'idx:a,b,c', /idx:IMAGES,LABELS/],
])('%s is a DataError', async (_title, spec, reason) => {
  const load = loadDataset(spec, 'train');
  await expect(load).rejects.toThrow(DataError);
  await expect(load).rejects.toThrow(reason);
});

test('labels that do not match the images are a DataError that names the file', async () => {
  const two = encodeIdx({ shape: [2], data: Uint8Array.of(0, 1) });
  const high = encodeIdx({ shape: [3], data: Uint8Array.of(0, 1, 10) });
  const load = async (bytes: Uint8Array) => {
    const folder = await folderOf({ [idxFiles.train.images]: images, [idxFiles.train.labels]: bytes });
    return loadDataset('fashion-mnist', 'train', { folder });
  };
  await expect(load(two)).rejects.toThrow(/train-labels-idx1-ubyte.gz: expected 3 labels .* got 2/);
  await expect(load(high)).rejects.toThrow(/train-labels-idx1-ubyte.gz: expected labels 0 to 9, got 10/);
  expect((await load(labels)).n).toBe(3);
});

test('the cache folder follows XDG_CACHE_HOME', () => {
  const before = process.env['XDG_CACHE_HOME'];
  try {
    process.env['XDG_CACHE_HOME'] = '/some/cache';
    expect(cacheFolder('fashion-mnist')).toBe('/some/cache/reluctant/fashion-mnist');
    process.env['XDG_CACHE_HOME'] = '';
    expect(cacheFolder('fashion-mnist')).toMatch(/\.cache\/reluctant\/fashion-mnist$/);
  } finally {
    if (before === undefined) delete process.env['XDG_CACHE_HOME'];
    else process.env['XDG_CACHE_HOME'] = before;
  }
});
