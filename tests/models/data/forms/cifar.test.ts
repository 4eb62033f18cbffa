import { expect, test } from 'vitest';
import { loadDataset } from '../../../../models/data/dataset.ts';
import { DataError } from '../../../../src/shared/errors.ts';
import { folderWith } from '../../../helpers/data/image-files.ts';

/** Records as the data set's page describes them: labels, then 1024 red, 1024 green and 1024 blue bytes. */
function records(
  rows: readonly { head: readonly number[]; rgb: readonly [number, number, number] }[],
): Buffer {
  return Buffer.concat(
    rows.map(({ head, rgb }) =>
      Buffer.concat([Buffer.from(head), ...rgb.map((value) => Buffer.alloc(1024, value))]),
    ),
  );
}

const batch = (i: number) => records([{ head: [i], rgb: [10 * i, 10 * i + 1, 10 * i + 2] }]);
const cifar10Files = {
  ...Object.fromEntries([1, 2, 3, 4, 5].map((i) => [`cifar-10-batches-bin/data_batch_${i}.bin`, batch(i)])),
  'cifar-10-batches-bin/test_batch.bin': records([
    { head: [9], rgb: [1, 2, 3] },
    { head: [0], rgb: [4, 5, 6] },
  ]),
  'cifar-10-batches-bin/batches.meta.txt':
    'airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n',
};

test('CIFAR-10: five batches in order, planes of red, green and blue, names of the classes', async () => {
  const folder = await folderWith(cifar10Files);
  const train = await loadDataset(`cifar10:${folder}`, 'train');
  expect(train).toMatchObject({ n: 5, shape: [3, 32, 32] });
  expect([...train.labels]).toEqual([1, 2, 3, 4, 5]);
  expect(train.images.length).toBe(5 * 3072);
  expect([0, 1023, 1024, 2048, 3071].map((at) => train.images[3072 + at])).toEqual([20, 20, 21, 22, 22]);
  // The unpacked folder itself will do too.
  const tested = await loadDataset(`cifar10:${folder}/cifar-10-batches-bin`, 'test');
  expect([...tested.labels].map((label) => tested.classes[label])).toEqual(['truck', 'airplane']);
  expect(tested.groups).toBeUndefined();
});

const cifar100Files = {
  'train.bin': records([{ head: [3, 42], rgb: [7, 8, 9] }]),
  'test.bin': records([
    { head: [19, 99], rgb: [0, 0, 0] },
    { head: [0, 1], rgb: [0, 0, 0] },
  ]),
};

test('CIFAR-100: the second byte is the label, the first the superclass, a column apart', async () => {
  const folder = await folderWith(cifar100Files);
  const train = await loadDataset(`cifar100:${folder}`, 'train');
  expect([...train.labels]).toEqual([42]);
  expect(train.images[0]).toBe(7);
  const tested = await loadDataset(`cifar100:${folder}`, 'test');
  expect([...tested.labels]).toEqual([99, 1]);
  expect(tested.classes).toHaveLength(100);
  expect(tested.groups).toEqual({ superclass: ['19', '0'] });
});

test.each([
  ['absent', { 'test.bin': undefined }, /test\.bin: cannot be read/],
  ['cut', { 'test.bin': cifar100Files['test.bin'].subarray(0, 6000) }, /records of 3074 bytes.* got 6000/],
  ['empty', { 'test.bin': Buffer.alloc(0) }, /got 0 bytes/],
  ['with a label too high', { 'test.bin': records([{ head: [0, 100], rgb: [0, 0, 0] }]) }, /label below 100/],
  ['with names too few', { 'fine_label_names.txt': 'apple\nbear\n' }, /expected 100 names, got 2/],
])('a file that is %s is a DataError that names it', async (_title, change, reason) => {
  const files = Object.entries({ ...cifar100Files, ...change }).filter(
    ([, content]) => content !== undefined,
  );
  const load = loadDataset(
    `cifar100:${await folderWith(Object.fromEntries(files) as typeof cifar100Files)}`,
    'test',
  );
  await expect(load).rejects.toThrow(DataError);
  await expect(load).rejects.toThrow(reason);
});
