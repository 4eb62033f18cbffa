import { expect, test } from 'vitest';
import { loadDataset } from '../../../../models/data/dataset.ts';
import { parseFaceName } from '../../../../models/data/forms/utk-face.ts';
import { groupsOfColumn } from '../../../../models/fairness/groups.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith, plainPng } from '../../../helpers/data/image-files.ts';

const png = await plainPng([9], { width: 2, height: 2 });
const faces = Array.from(
  { length: 20 },
  (_, i) => `${10 * (i % 10)}_${i % 2}_${i % 5}_2017011617402466${i}.jpg.chip.jpg`,
);

test.each([
  ['26_1_2_20170116184024662.jpg.chip.jpg', { age: '18-64', gender: 'female', race: 'Asian' }],
  ['1_0_0_20161219203650636.jpg.chip.jpg', { age: '0-1', gender: 'male', race: 'White' }],
  ['2_0_1_20161219203650636.jpg', { age: '2-12', gender: 'male', race: 'Black' }],
  ['13_0_3_20161219203650636.png', { age: '13-17', gender: 'male', race: 'Indian' }],
  ['116_1_4_20170120134921760.jpg.chip.jpg', { age: '65+', gender: 'female', race: 'Others' }],
  // Three files of the published archive have no race, and one of these has an empty one.
  ['61_1_20170109142408075.jpg.chip.jpg', undefined],
  ['39_1_20170116174525125.jpg.chip.jpg', undefined],
  ['55_0__20170116232725357jpg.chip.jpg', undefined],
  ['20_2_0_20170116184024662.jpg', undefined],
  ['20_1_5_20170116184024662.jpg', undefined],
])('%s', (name, expected) => {
  expect(parseFaceName(name)).toEqual(expected);
});

test('the label is the attribute asked for, and all three are columns apart', async () => {
  const folder = await folderWith(Object.fromEntries(faces.map((name) => [name, png])));
  const load = (attribute: string) =>
    loadDataset(`utkface-${attribute}:${folder}@8`, 'train', { cache: `${folder}/cache` });
  const byRace = await load('race');
  expect(byRace.classes).toEqual(['White', 'Black', 'Asian', 'Indian', 'Others']);
  expect(byRace).toMatchObject({ n: 15, shape: [3, 8, 8] }); // four of each race, round(4 / 5) of them held out
  expect(Array.from(byRace.labels, (label) => byRace.classes[label])).toEqual(byRace.groups!['race']);
  expect(Object.keys(byRace.groups!)).toEqual(['age', 'gender', 'race']);
  expect((await load('gender')).classes).toEqual(['male', 'female']);
  const byAge = await load('age');
  expect(byAge.classes).toEqual(['0-1', '2-12', '13-17', '18-64', '65+']);
  const groups = groupsOfColumn(byAge.groups!['gender']!);
  expect(groups.names).toEqual(['female', 'male']);
  expect(groups.codes).toHaveLength(byAge.n);
});

test('files named otherwise are a DataError that lists them', async () => {
  const strange = ['61_1_20170109142408075.jpg', 'face.jpg'];
  const folder = await folderWith(Object.fromEntries([...faces, ...strange].map((name) => [name, png])));
  const load = loadDataset(`utkface-race:${folder}`, 'train');
  await expect(load).rejects.toThrow(DataError);
  await expect(load).rejects.toThrow(
    /2 of 22 images are not named .*: 61_1_20170109142408075\.jpg, face\.jpg; rename/,
  );
});

test('a folder without images, and none at all', async () => {
  const load = (folder: string) => loadDataset(`utkface-age:${folder}`, 'train');
  await expect(load(await folderWith({ 'notes.txt': '' }))).rejects.toThrow(/it has no training images/);
  await expect(load('/nowhere')).rejects.toThrow(/\/nowhere: no such folder/);
});
