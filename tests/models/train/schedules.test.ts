import { expect, test } from 'vitest';
import { constant, cosine, staircase, warmUp } from '../../../models/train/schedules.ts';

test('the cosine starts at its peak, is half of it in the middle, and ends at zero', () => {
  const schedule = cosine(0.2, 8);
  expect(schedule(0)).toBe(0.2);
  expect(schedule(4)).toBeCloseTo(0.1, 15);
  expect(schedule(2)).toBeCloseTo(0.1 * (1 + Math.SQRT1_2), 15);
  expect(schedule(8)).toBeCloseTo(0, 15);
  expect(schedule(100)).toBeCloseTo(0, 15);
});

test('the warm-up rises in a line and hands over without a jump', () => {
  const schedule = warmUp(3, cosine(0.4, 10));
  [0.1, 0.2, 0.3, 0.4].forEach((rate, step) => expect(schedule(step)).toBeCloseTo(rate, 15));
  expect(schedule(13)).toBeCloseTo(0, 15);
});

test('the staircase steps down at half and at three quarters', () => {
  const schedule = staircase(0.5, 8);
  expect([0, 3, 4, 5, 6, 7, 100].map(schedule)).toEqual([0.5, 0.5, 0.05, 0.05, 0.005, 0.005, 0.005]);
  expect([0, 9].map(constant(0.5, 8))).toEqual([0.5, 0.5]);
});
