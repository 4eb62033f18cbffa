import { symlink } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { loadDataset } from '../../../../models/data/dataset.ts';
import type { Split } from '../../../../models/data/dataset.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith, plainPng } from '../../../helpers/data/image-files.ts';

const size = { width: 2, height: 2 };
const png = (value: number) => plainPng([value], size);

async function load(files: Record<string, Uint8Array | string>, split: Split, suffix = '') {
  const folder = await folderWith(files);
  return loadDataset(`folder:${folder}${suffix}`, split, { cache: `${folder}/.cache` });
}

test('train and test folders: classes by name, files in order, other files passed over', async () => {
  const files = {
    'train/cat/b.png': await png(2),
    'train/cat/a.png': await png(1),
    'train/ant/x.PNG': await png(3),
    'train/ant/notes.txt': 'two ants',
    'train/ant/.hidden.png': 'no image',
    'val/cat/v.png': await png(4),
    'README.md': 'animals',
  };
  const train = await load(files, 'train');
  expect(train).toMatchObject({ classes: ['ant', 'cat'], n: 3, shape: [3, 2, 2] });
  expect([...train.labels]).toEqual([0, 1, 1]);
  expect([0, 1, 2].map((i) => train.images[12 * i])).toEqual([3, 1, 2]);
  const tested = await load(files, 'test', '@1x4x4');
  expect(tested).toMatchObject({ classes: ['ant', 'cat'], n: 1, shape: [1, 4, 4] });
  expect([...tested.labels]).toEqual([1]);
});

test('classes named by numbers are in the order of the numbers', async () => {
  const files = {
    'train/10/a.png': await png(1),
    'train/9/a.png': await png(2),
    'test/9/a.png': await png(3),
  };
  expect((await load(files, 'train')).classes).toEqual(['9', '10']);
});

test('without train and test a fifth of each class is for testing, and no image is in both', async () => {
  const names = Array.from({ length: 20 }, (_, i) => [`${i % 2 ? 'odd' : 'even'}/${i}.png`, i] as const);
  const files = Object.fromEntries(
    await Promise.all(names.map(async ([name, i]) => [name, await png(i)] as const)),
  );
  const [train, tested] = [await load(files, 'train'), await load(files, 'test')];
  const first = (data: typeof train) => Array.from({ length: data.n }, (_, i) => data.images[12 * i]!);
  expect([...first(train), ...first(tested)].sort((a, b) => a - b)).toEqual(names.map(([, i]) => i));
  expect([...tested.labels].sort()).toEqual([0, 0, 1, 1]);
  first(tested).forEach((value, i) =>
    expect(tested.classes[tested.labels[i]!]).toBe(value % 2 ? 'odd' : 'even'),
  );
});

test('links to folders and to images are followed', async () => {
  const store = await folderWith({ 'shots/a.png': await png(5) });
  const folder = await folderWith({ 'train/b/b.png': await png(6), 'test/b/b.png': await png(7) });
  await symlink(`${store}/shots`, `${folder}/train/linked`);
  await symlink(`${store}/shots/a.png`, `${folder}/train/b/a.png`);
  const train = await loadDataset(`folder:${folder}`, 'train', { cache: `${folder}/.cache` });
  expect(train.classes).toEqual(['b', 'linked']);
  expect([0, 1, 2].map((i) => train.images[12 * i])).toEqual([5, 6, 5]);
});

const one = await png(1);
test.each([
  ['no folder of classes', { 'a.png': one }, /expected a folder for each class, found none/],
  ['a class without images', { 'cat/a.png': one, 'dog/a.txt': '' }, /dog: expected images, found none/],
  ['train without test', { 'train/cat/a.png': one }, /expected one of test, val, .* beside the folder train/],
  [
    'a test class that is not in train',
    { 'train/cat/a.png': one, 'test/dog/a.png': one },
    /test.dog: no class of that name/,
  ],
])('%s is a DataError', async (_title, files, reason) => {
  await expect(load(files, 'train')).rejects.toThrow(DataError);
  await expect(load(files, 'train')).rejects.toThrow(reason);
});

test('more classes than a byte numbers', async () => {
  const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i}/a.png`, one]));
  const { classes, labels } = await load(many, 'train');
  expect(classes).toHaveLength(300);
  expect(Array.from(labels).sort((a, b) => a - b)).toEqual([...Array(300).keys()]);
});

test('no images to test with, no folder', async () => {
  await expect(load({ 'cat/a.png': one }, 'test')).rejects.toThrow(/it has no test images/);
  await expect(loadDataset('folder:/nowhere', 'test')).rejects.toThrow(/\/nowhere: no such folder/);
});
