import { describe, expect, test } from 'vitest';
import { seededUniform } from '../../../models/data/seeded.ts';
import {
  largestEigenvalue,
  lossGrowthBound,
  norm,
  rankCorrelation,
} from '../../../models/fairness/curvature.ts';

/** Of x^T A x / 2 with A = R diag(values) R^T, R turning the first two coordinates by 0.6 and 0.8. */
function quadratic(values: readonly number[]) {
  const turn = ([x = 0, y = 0, ...rest]: readonly number[]) => [
    0.6 * x - 0.8 * y,
    0.8 * x + 0.6 * y,
    ...rest,
  ];
  const back = ([x = 0, y = 0, ...rest]: readonly number[]) => [
    0.6 * x + 0.8 * y,
    -0.8 * x + 0.6 * y,
    ...rest,
  ];
  return (point: Float32Array) =>
    Promise.resolve(Float64Array.from(turn(back([...point]).map((value, i) => value * values[i]!))));
}

const options = { step: 0.25, iterations: 60, uniform: seededUniform(1) };
const point = Float32Array.of(1, -2, 0.5, 3);

describe('largest eigenvalue', () => {
  test.each([
    [[5, 2, 1, -3], 5],
    [[2, 7, -1, 0.5], 7],
    [[0.5, 1.5, -4, 1], 1.5], // the largest in size is negative
    [[-1, -2, -4, -8], -1],
  ])('of a quadratic with eigenvalues %j is %d', async (values, largest) => {
    expect(await largestEigenvalue(quadratic(values), point, options)).toBeCloseTo(largest, 3);
  });

  test('of a plane is 0', async () => {
    const slope = () => Promise.resolve(Float64Array.of(1, 2, 3, 4));
    expect(await largestEigenvalue(slope, point, options)).toBe(0);
  });
});

test('the bound by hand: |g| 3, lambda 4, distance 2: 3 * 2 + 4 * 4 / 2 = 14', () => {
  expect(lossGrowthBound(norm([1, 2, 2]), 4, 2)).toBe(14);
});

describe('rank correlation', () => {
  test('by hand: 1 for the same order, -1 for the reverse, 0.5 for ranks 1 2 3 against 1 3 2', () => {
    expect(rankCorrelation([1, 20, 300], [-5, 0, 0.1])).toBeCloseTo(1, 12);
    expect(rankCorrelation([1, 2, 3], [3, 2, 1])).toBeCloseTo(-1, 12);
    expect(rankCorrelation([1, 2, 3], [1, 3, 2])).toBeCloseTo(0.5, 12);
  });

  test('ties share their rank: 1 1 2 against 1 2 3 is sqrt(3) / 2; all ties have none', () => {
    expect(rankCorrelation([1, 1, 2], [1, 2, 3])).toBeCloseTo(Math.sqrt(3) / 2, 12);
    expect(rankCorrelation([1, 1], [1, 2])).toBeNaN();
  });
});
