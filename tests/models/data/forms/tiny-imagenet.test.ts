import { expect, test } from 'vitest';
import { loadDataset } from '../../../../models/data/dataset.ts';
import type { Split } from '../../../../models/data/dataset.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith, plainPng } from '../../../helpers/data/image-files.ts';

const png = (value: number) => plainPng([value], { width: 4, height: 4 });
const [a, b, c, d] = await Promise.all([1, 2, 3, 4].map(png));
// The names end in .JPEG as the archive's do; what is inside is told by its first bytes.
const files: Record<string, Uint8Array | string> = {
  'wnids.txt': 'n02124075\nn01443537\n',
  'train/n02124075/images/n02124075_0.JPEG': a!,
  'train/n02124075/n02124075_boxes.txt': 'n02124075_0.JPEG\t0\t0\t3\t3\n',
  'train/n01443537/images/n01443537_0.JPEG': b!,
  'val/images/val_0.JPEG': c!,
  'val/images/val_1.JPEG': d!,
  'val/val_annotations.txt': 'val_1.JPEG\tn01443537\t0\t0\t3\t3\nval_0.JPEG\tn02124075\t0\t32\t44\t62\n',
};

async function load(split: Split, change: typeof files = {}) {
  const folder = await folderWith({ ...files, ...change });
  return loadDataset(`tiny-imagenet:${folder}`, split, { cache: `${folder}/cache` });
}

test('train by folder, val by its annotations; both number the classes alike', async () => {
  const train = await load('train');
  expect(train).toMatchObject({ classes: ['n01443537', 'n02124075'], n: 2, shape: [3, 4, 4] });
  expect([...train.labels]).toEqual([0, 1]);
  expect([train.images[0], train.images[48]]).toEqual([2, 1]);
  const tested = await load('test');
  expect([...tested.labels]).toEqual([0, 1]);
  expect([tested.images[0], tested.images[48]]).toEqual([4, 3]);
});

test.each([
  [
    'an unknown class',
    { 'val/val_annotations.txt': 'val_0.JPEG\tn0\t0\n' },
    /line 1: expected an image's name/,
  ],
  ['spaces for tabs', { 'val/val_annotations.txt': 'val_0.JPEG n02124075\n' }, /line 1: expected/],
  ['a path', { 'val/val_annotations.txt': '../x.JPEG\tn02124075\n' }, /line 1: expected/],
  [
    'an image that is absent',
    { 'val/val_annotations.txt': 'val_9.JPEG\tn02124075\n' },
    /val_9\.JPEG: no such/,
  ],
])('annotations with %s are a DataError', async (_title, change, reason) => {
  await expect(load('test', change)).rejects.toThrow(DataError);
  await expect(load('test', change)).rejects.toThrow(reason);
});

test('a folder that is no class, and none of the files', async () => {
  await expect(load('train', { 'train/n999/images/a.JPEG': a! })).rejects.toThrow(
    /n999: expected the name of a class in wnids/,
  );
  await expect(load('train', { 'wnids.txt': 'n02124075\nn01443537\nn7\n' })).rejects.toThrow(
    /train\/n7\/images: no such folder/,
  );
  await expect(
    load('train', { 'wnids.txt': 'n02124075\nn01443537\nn7\n', 'train/n7/images/notes.txt': '' }),
  ).rejects.toThrow(/train\/n7\/images: expected images, found none/);
  await expect(loadDataset(`tiny-imagenet:${await folderWith()}`, 'train')).rejects.toThrow(
    /wnids\.txt: cannot/,
  );
});
