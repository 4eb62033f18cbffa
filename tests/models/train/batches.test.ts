import { expect, test } from 'vitest';
import { seededUniform } from '../../../models/data/seeded.ts';
import { mixInto, symmetricBeta } from '../../../models/train/batches.ts';

test('hand-worked: each image keeps its share and takes the rest of its partner', () => {
  const images = Float32Array.of(0, 1, 10, 11, 20, 21); // three images of two pixels
  // Beta from 0.75 and 0.25 at alpha 1: share 0.75. The shuffle draws 0: 2 and 0 change places, then 1 and 2.
  const draws = [0.75, 0.25, 0, 0];
  const mixed = mixInto(images, Uint8Array.of(5, 6, 7), 1, () => draws.shift()!);
  expect(draws).toEqual([]);
  expect(mixed.share).toBe(0.75);
  expect([...mixed.partners]).toEqual([6, 7, 5]);
  expect([...images]).toEqual([2.5, 3.5, 12.5, 13.5, 15, 16]);
});

test.each([1, 0.5, 0.2])('shares of Beta(%d, same) have its mean and variance', (alpha) => {
  const uniform = seededUniform(11);
  const draws = Array.from({ length: 20_000 }, () => symmetricBeta(alpha, uniform));
  expect(draws.every((x) => x >= 0 && x <= 1)).toBe(true);
  const mean = draws.reduce((a, b) => a + b) / draws.length;
  const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
  const expected = 1 / (4 * (2 * alpha + 1));
  // Five standard deviations of the mean; the variance of squares in [0, 1/16] is below their mean times 1/4.
  expect(Math.abs(mean - 0.5)).toBeLessThan(5 * Math.sqrt(expected / draws.length));
  expect(Math.abs(variance - expected)).toBeLessThan(5 * Math.sqrt(expected / 4 / draws.length));
});
