import { describe, expect, test } from 'vitest';
import {
  constraintValues,
  imageWeights,
  nextMultipliers,
  project,
} from '../../../../pipelines/reduce/mitigation/constraints.ts';
import type { Constraints } from '../../../../pipelines/reduce/mitigation/constraints.ts';

const signed: Constraints = { form: 'signed', toleranceNats: 0.1 };
const hinge: Constraints = { form: 'hinge', toleranceNats: 0.1 };

/** Six images of three groups, a fourth group absent. */
const codes = [0, 0, 0, 1, 1, 2];
const losses = [0.2, 0.4, 0.3, 1.5, 0.9, 0.8];
const gammas = [0, 0.3, 0.1, 0.2];

const meansOf = (all: readonly number[]) => {
  const of = (g: number) => {
    const own = all.filter((_, i) => codes[i] === g);
    return own.reduce((sum, loss) => sum + loss, 0) / own.length; // NaN for nobody
  };
  return { groups: [0, 1, 2, 3].map(of), mean: all.reduce((a, b) => a + b, 0) / all.length };
};

/** L_all + sum gamma_g c_g over the groups that are there, in full. */
function lagrangian(all: readonly number[], constraints: Constraints): number {
  const { groups, mean } = meansOf(all);
  return constraintValues(groups, mean, constraints).reduce((sum, c, g) => sum + gammas[g]! * c, mean);
}

test('c_g by hand: the hinge holds nothing below the tolerance, a group that was never seen counts as 0', () => {
  expect(constraintValues([0.5, 0.72, NaN], 0.6, signed)).toEqual([
    expect.closeTo(-0.2, 12),
    expect.closeTo(0.02, 12),
    0,
  ]);
  expect(constraintValues([0.5, 0.72, NaN], 0.6, hinge)).toEqual([0, expect.closeTo(0.02, 12), 0]);
});

describe.each([signed, hinge])('weights of $form', (constraints) => {
  const { groups, mean } = meansOf(losses);
  const values = constraintValues(groups, mean, constraints);
  const weights = imageWeights(codes, gammas, values, constraints);

  test('are the derivatives of the Lagrangian, image by image', () => {
    const step = 1e-6;
    losses.forEach((_, i) => {
      const moved = (by: number) =>
        lagrangian(
          losses.map((loss, j) => loss + (i === j ? by : 0)),
          constraints,
        );
      expect(weights[i]).toBeCloseTo((moved(step) - moved(-step)) / (2 * step), 6);
    });
  });

  test('sum to 1, are never negative, and are uniform without multipliers', () => {
    expect(weights.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    expect(Math.min(...weights)).toBeGreaterThanOrEqual(0);
    expect([...imageWeights(codes, [0, 0, 0, 0], values, constraints)]).toEqual(
      codes.map(() => expect.closeTo(1 / 6, 7) as number),
    );
  });
});

test('by hand: (1 - 0.4) / 6 for all and 0.3 / 2, 0.1 / 1 more; the hinge leaves out a group that is well off', () => {
  const close = (all: number[]) => all.map((value) => expect.closeTo(value, 6) as number);
  expect([...imageWeights(codes, gammas, [0, 1, 1, 1], signed)]).toEqual(
    close([0.1, 0.1, 0.1, 0.25, 0.25, 0.2]),
  );
  expect([...imageWeights(codes, gammas, [-1, 1, 0, 1], hinge)]).toEqual(
    close([0.7 / 6, 0.7 / 6, 0.7 / 6, 0.7 / 6 + 0.15, 0.7 / 6 + 0.15, 0.7 / 6]),
  );
});

test('multipliers grow with the violation, shrink with its opposite, and stay at or above 0', () => {
  const settings = { rate: 0.5, cap: 1 };
  expect(nextMultipliers([0.2, 0.2, 0.05], [0.4, -0.2, -0.2], settings)).toEqual([
    expect.closeTo(0.4, 12),
    expect.closeTo(0.1, 12),
    0,
  ]);
});

describe('the nearest point with a sum up to the cap', () => {
  test('by hand', () => {
    expect(project([0.2, -0.1], 1)).toEqual([0.2, 0]);
    expect(project([1.5, 0.9, 0.1], 1)).toEqual([expect.closeTo(0.8, 12), expect.closeTo(0.2, 12), 0]);
    expect(project([3, 0], 1)).toEqual([1, 0]);
  });

  test('no other point of a grid is nearer', () => {
    const from = [0.7, 0.9, -0.2];
    const found = project(from, 1);
    const distance = (point: readonly number[]) =>
      point.reduce((sum, value, i) => sum + (value - from[i]!) ** 2, 0);
    const grid = Array.from({ length: 21 }, (_, i) => i / 20);
    for (const a of grid)
      for (const b of grid)
        for (const c of grid)
          if (a + b + c <= 1) expect(distance([a, b, c])).toBeGreaterThanOrEqual(distance(found) - 1e-12);
  });
});
