import { expect, test } from 'vitest';
import type { Dataset } from '../../../models/data/dataset.ts';
import { firstOfEachClass, splitValidation } from '../../../models/data/splits.ts';
import { UsageError } from '../../../src/shared/errors.ts';

/** Image i holds the number i; 20 of class a, 10 of b, 6 of c. */
const labels = Uint8Array.from({ length: 36 }, (_, i) => (i < 20 ? 0 : i < 30 ? 1 : 2));
const data: Dataset = {
  name: 'numbers',
  classes: ['a', 'b', 'c'],
  shape: [1, 1, 1],
  images: Uint8Array.from({ length: 36 }, (_, i) => i),
  labels,
  n: 36,
};
const countOf = (d: Dataset, label: number): number => d.labels.filter((l) => l === label).length;

test('the split takes the fraction of each class, loses nothing and doubles nothing', () => {
  const { train, validation } = splitValidation(data, 0.2, 1);
  expect([0, 1, 2].map((label) => countOf(validation, label))).toEqual([4, 2, 1]);
  expect([...train.images, ...validation.images].sort((a, b) => a - b)).toEqual([...data.images]);
  for (const part of [train, validation])
    part.images.forEach((image, i) => expect(part.labels[i]).toBe(labels[image]));
});

test('the seed chooses the rows', () => {
  const rows = (seed: number) => [...splitValidation(data, 0.2, seed).validation.images];
  expect(rows(1)).toEqual(rows(1));
  expect(rows(1)).not.toEqual(rows(2));
});

test('a fraction that is none is a UsageError', () => {
  for (const fraction of [0, 1, -0.1, NaN])
    expect(() => splitValidation(data, fraction, 1)).toThrow(UsageError);
});

test('the first rows of each class', () => {
  expect([...firstOfEachClass(data, 2).images]).toEqual([0, 1, 20, 21, 30, 31]);
});
