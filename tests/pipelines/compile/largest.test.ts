import { expect, test } from 'vitest';
import { largestOf } from '../../../pipelines/compile/largest.ts';

test('the largest of numbers without their signs, wherever it is; of none it is 0', () => {
  expect(largestOf(Float64Array.of(-3.5, 2, 3))).toBe(3.5);
  expect(largestOf(Float64Array.of(1, 2, 3.25))).toBe(3.25);
  expect(largestOf(Int32Array.of(5, -(2 ** 31)))).toBe(2 ** 31);
  expect(largestOf(new Float64Array(0))).toBe(0);
});

test('a number that is none is not lost among others', () => {
  expect(largestOf(Float64Array.of(1, NaN, 2))).toBeNaN();
});
