import { expect, test } from 'vitest';
import { median } from '../../../src/shared/median.ts';

test.each([
  [[3], 3],
  [[9, 1], 5],
  [[30, 1, 2], 2],
  [[4, 1, 3, 20], 3.5],
])('of %j is %d', (values, middle) => {
  const before = [...values];
  expect(median(values)).toBe(middle);
  expect(values).toEqual(before);
});
