import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadDataset } from '../../../../models/data/dataset.ts';
import { groupsOfColumn } from '../../../../models/fairness/groups.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith, plainPng } from '../../../helpers/data/image-files.ts';

const png = await plainPng([9], { width: 2, height: 3 });
const names = ['000001.jpg', '000002.jpg', '000003.jpg', '000004.jpg', '000005.jpg', '000006.jpg'];

/**
 * As in the published files: spaces before positive numbers, so that columns align, and a space at the end of
 * the header.
 */
const attributes = `6
Blond_Hair Male Smiling 
000001.jpg -1  1  1
000002.jpg  1 -1 -1
000003.jpg -1 -1  1
000004.jpg  1  1 -1
000005.jpg -1 -1 -1
000006.jpg -1  1 -1
`;
const partition = `000001.jpg 0\n000002.jpg 0\n000003.jpg 0\n000004.jpg 1\n000005.jpg 2\n000006.jpg 2\n`;

const sample = (changed: Readonly<Record<string, string>> = {}) =>
  folderWith({
    ...Object.fromEntries(names.map((name) => [`img_align_celeba/${name}`, png])),
    'list_attr_celeba.txt': attributes,
    'list_eval_partition.txt': partition,
    ...changed,
  });

test('two attributes make four classes; all are columns; the splits are those of the file', async () => {
  const folder = await sample();
  const options = { cache: join(folder, 'cache') };
  const train = await loadDataset(`celeba:${folder},Male,Blond_Hair@4`, 'train', options);
  expect(train.classes).toEqual([
    'not Male, not Blond_Hair',
    'not Male, Blond_Hair',
    'Male, not Blond_Hair',
    'Male, Blond_Hair',
  ]);
  expect(train).toMatchObject({ n: 3, shape: [3, 4, 4] });
  expect([...train.labels]).toEqual([2, 1, 0]);
  expect(train.groups).toEqual({
    Blond_Hair: ['not Blond_Hair', 'Blond_Hair', 'not Blond_Hair'],
    Male: ['Male', 'not Male', 'not Male'],
    Smiling: ['Smiling', 'not Smiling', 'Smiling'],
  });
  const tested = await loadDataset(`celeba:${folder},Smiling@1x4x4`, 'test', options);
  expect(tested).toMatchObject({ n: 2, shape: [1, 4, 4], classes: ['not Smiling', 'Smiling'] });
  expect([...tested.labels]).toEqual([0, 0]);
  expect(groupsOfColumn(tested.groups!['Male']!).names).toEqual(['Male', 'not Male']);
});

test('images of their own size, without @', async () => {
  const folder = await sample();
  const data = await loadDataset(`celeba:${folder},Male`, 'train', { cache: join(folder, 'cache') });
  expect(data.shape).toEqual([3, 3, 2]);
});

test.each([
  ['no attribute', {}, '', /expected celeba:FOLDER,ATTRIBUTE/],
  ['an unknown attribute', {}, ',Male,Beard', /'Beard' is not an attribute .*Blond_Hair, Male, Smiling/],
  ['an attribute twice', {}, ',Male,Male', /'Male' is not an attribute or is given twice/],
  ['a count that is none', { 'list_attr_celeba.txt': 'six\nMale\n' }, ',Male', /attr.*expected a count/],
  ['too few lines', { 'list_attr_celeba.txt': attributes.replace('6\n', '7\n') }, ',Male', /attr.*7.*got 6/],
  [
    'a value of 0',
    { 'list_attr_celeba.txt': attributes.replace('1 -1 -1', '1  0 -1') },
    ',Male',
    /line 4.*1 or -1/,
  ],
  [
    'a short line',
    { 'list_attr_celeba.txt': attributes.replace(' -1  1  1', ' -1  1') },
    ',Male',
    /line 3.*3 numbers/,
  ],
  [
    'a split of 3',
    { 'list_eval_partition.txt': partition.replace('jpg 1', 'jpg 3') },
    ',Male',
    /partition.*line 4/,
  ],
  [
    'no split for an image',
    { 'list_eval_partition.txt': partition.slice(14) },
    ',Male',
    /line for 000001\.jpg/,
  ],
  [
    'only training images',
    { 'list_eval_partition.txt': partition.replaceAll('jpg 2', 'jpg 0') },
    ',Male',
    /it has no test images/,
  ],
] as const)('%s', async (_title, changed, chosen, says) => {
  const folder = await sample(changed);
  const load = loadDataset(`celeba:${folder}${chosen}`, 'test', { cache: join(folder, 'cache') });
  await expect(load).rejects.toThrow(DataError);
  await expect(load).rejects.toThrow(says);
});

test('an image that is not there is named', async () => {
  const folder = await sample({
    'list_attr_celeba.txt': attributes.replaceAll('000005', '000009'),
    'list_eval_partition.txt': partition.replace('000005', '000009'),
  });
  const load = loadDataset(`celeba:${folder},Male@4`, 'test', { cache: join(folder, 'cache') });
  await expect(load).rejects.toThrow(/000009\.jpg: no such image file/);
});
