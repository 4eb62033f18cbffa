import { expect, test } from 'vitest';
import { augmentInto, augmentationOf } from '../../../models/data/augment.ts';
import { pixels } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { seededUniform } from '../../../models/data/seeded.ts';

// Two channels of 2 x 3.
const data: Dataset = {
  name: 'one',
  classes: ['a'],
  shape: [2, 2, 3],
  images: Uint8Array.from([1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16], (v) => 5 * v),
  labels: Uint8Array.of(0),
  n: 1,
};

function augmented(draws: readonly number[], cropPadding: number, flip: boolean): number[] {
  const out = new Float32Array(12).fill(-1);
  const left = [...draws];
  augmentInto(out, data, [0], { cropPadding, flip }, () => left.shift()!);
  expect(left).toEqual([]);
  return [...out].map((v) => Math.round(51 * v)); // 5 v / 255
}

test('hand-worked crops: down by one, right by one, mirrored', () => {
  const [first, middle, last, no, yes] = [0, 0.5, 0.99, 0.5, 0.49];
  expect(augmented([middle, middle, no], 1, true)).toEqual([1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]);
  expect(augmented([last, middle, no], 1, true)).toEqual([4, 5, 6, 0, 0, 0, 14, 15, 16, 0, 0, 0]);
  expect(augmented([first, middle, no], 1, true)).toEqual([0, 0, 0, 1, 2, 3, 0, 0, 0, 11, 12, 13]);
  expect(augmented([middle, last, no], 1, true)).toEqual([2, 3, 0, 5, 6, 0, 12, 13, 0, 15, 16, 0]);
  expect(augmented([middle, middle, yes], 1, true)).toEqual([3, 2, 1, 6, 5, 4, 13, 12, 11, 16, 15, 14]);
  expect(augmented([middle, last, yes], 1, true)).toEqual([0, 3, 2, 0, 6, 5, 0, 13, 12, 0, 16, 15]);
  expect(augmented([middle, middle, yes], 1, false)).toEqual([1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 16]);
});

test('without augmentation the pixels are those of the data set', () => {
  const out = new Float32Array(12);
  augmentInto(out, data, [0], augmentationOf(data.shape, false), seededUniform(1));
  expect(out).toEqual(pixels(data));
});

test('a seed gives one augmentation, another seed another', () => {
  const many = (seed: number) => {
    const out = new Float32Array(12 * 20);
    augmentInto(
      out,
      data,
      new Array<number>(20).fill(0),
      augmentationOf(data.shape, true),
      seededUniform(seed),
    );
    return out;
  };
  expect(many(1)).toEqual(many(1));
  expect(many(1)).not.toEqual(many(2));
});

test('the margin grows with the image', () => {
  const margin = (size: number) => augmentationOf([3, size, size], true).cropPadding;
  expect([8, 28, 32, 64].map(margin)).toEqual([2, 2, 4, 8]);
});
