import { describe, expect, test } from 'vitest';
import { dapaCoefficients, polynomialError } from '../../../../pipelines/reduce/polynomials/fit.ts';
import type { Moments } from '../../../../pipelines/reduce/polynomials/moments.ts';
import { normalCdf, normalDensity } from '../../../helpers/normal.ts';

/**
 * Of x ~ N(mean, sigma^2) and y = ReLU(x). With M_k = E[x^k] and T_k = E[x^k; x > 0], integration by parts
 * gives M_k = mean M_{k-1} + (k-1) sigma^2 M_{k-2}, the same for T_k from k = 2 on, and T_1 = mean Phi +
 * sigma phi.
 */
function normalMoments(mean: number, sigma: number): Moments {
  const variance = sigma * sigma;
  const z = mean / sigma;
  const [t0, t1] = [normalCdf(z), mean * normalCdf(z) + sigma * normalDensity(z)];
  const x2 = mean * mean + variance;
  const x3 = mean * x2 + 2 * variance * mean;
  const x4 = mean * x3 + 3 * variance * x2;
  const t2 = mean * t1 + variance * t0;
  const t3 = mean * t2 + 2 * variance * t1;
  return { x: mean, x2, x3, x4, y: t1, xy: t2, x2y: t3, y2: t2 };
}

/** Of n copies of each of the values, and their images under f. */
function momentsOf(values: readonly number[], f: (x: number) => number): Moments {
  const mean = (g: (x: number, y: number) => number) =>
    values.reduce((sum, x) => sum + g(x, f(x)), 0) / values.length;
  return {
    x: mean((x) => x),
    x2: mean((x) => x ** 2),
    x3: mean((x) => x ** 3),
    x4: mean((x) => x ** 4),
    y: mean((_, y) => y),
    xy: mean((x, y) => x * y),
    x2y: mean((x, y) => x ** 2 * y),
    y2: mean((_, y) => y ** 2),
  };
}

describe('the normal distribution function of these tests', () => {
  // Abramowitz and Stegun, table 26.1; 2.999 and the tails from C's erfc
  const known = [
    [0, 0.5],
    [0.5, 0.691462461274013],
    [1, 0.841344746068543],
    [2, 0.977249868051821],
    [2.999, 0.998645663466273],
    [-1, 0.158655253931457],
    [-3, 1.34989803163009e-3],
    [-5, 2.866515718791939e-7],
    [-10, 7.6198530241605e-24],
  ] as const;
  test.each(known)('at %d', (z, value) => {
    expect(Math.abs(normalCdf(z) / value - 1)).toBeLessThan(1e-12);
  });
});

const exact = { unit: 1, ridge: 0 };

/**
 * AutoReP's DaPa (Peng et al., ICCV 2023) in closed form: c2 = phi(z) / (2 sigma), c1 = Phi(z) - mean phi(z)
 * / sigma, z = mean / sigma.
 */
describe('AutoReP’s polynomial is the case of a normal distribution', () => {
  const vectors = [
    { mean: 0, sigma: 1, c0: 0.199471, c1: 0.5, c2: 0.199471, mse: 0.0112676 },
    { mean: 0.3, sigma: 0.7, c0: 0.150774, c1: 0.50991, c2: 0.259955, mse: 0.0063338 },
    { mean: -0.8, sigma: 1.5, c0: 0.333365, c1: 0.481464, c2: 0.115351, mse: 0.0304436 },
    { mean: 1.2, sigma: 0.4, c0: 0.008864, c1: 0.985355, c2: 0.00554, mse: 3.07e-5 },
  ];
  test.each(vectors)('mean $mean, sigma $sigma', ({ mean, sigma, c0, c1, c2, mse }) => {
    const moments = normalMoments(mean, sigma);
    const found = dapaCoefficients(moments, exact);
    // the vectors are printed with six significant or decimal digits
    expect(Math.abs(found.c0 - c0)).toBeLessThan(6e-7);
    expect(Math.abs(found.c1 - c1)).toBeLessThan(6e-7);
    expect(Math.abs(found.c2 - c2)).toBeLessThan(6e-7);
    expect(Math.abs(polynomialError(moments, found) / mse - 1)).toBeLessThan(2e-3);
  });
});

describe('any distribution', () => {
  const values = [-3, -1.5, -0.2, 0, 0, 0, 0.1, 0.7, 1, 5];
  const moments = momentsOf(values, (x) => Math.max(x, 0));

  test('the error is the mean over the values', () => {
    const p = { c2: 0.4, c1: -0.2, c0: 0.1 };
    const squares = values.map((x) => (Math.max(x, 0) - (p.c2 * x * x + p.c1 * x + p.c0)) ** 2);
    expect(polynomialError(moments, p)).toBeCloseTo(squares.reduce((a, b) => a + b) / values.length, 12);
  });

  test.each(['c2', 'c1', 'c0'] as const)('the error is smallest at the coefficients: %s', (key) => {
    const best = dapaCoefficients(moments, exact);
    for (const change of [1e-3, -1e-3])
      expect(polynomialError(moments, { ...best, [key]: best[key] + change })).toBeGreaterThan(
        polynomialError(moments, best),
      );
  });

  test('a quadratic is found again', () => {
    const p = { c2: -0.3, c1: 0.8, c0: 0.25 };
    const found = dapaCoefficients(
      momentsOf(values, (x) => p.c2 * x * x + p.c1 * x + p.c0),
      { unit: 2, ridge: 0 },
    );
    for (const key of ['c2', 'c1', 'c0'] as const) expect(found[key]).toBeCloseTo(p[key], 10);
  });

  test('scaling x and y by s scales c2 by 1 / s and c0 by s', () => {
    const scaled = momentsOf(
      values.map((x) => 8 * x),
      (x) => Math.max(x, 0),
    );
    const small = dapaCoefficients(moments, { unit: 1.5, ridge: 0.01 });
    const large = dapaCoefficients(scaled, { unit: 12, ridge: 0.01 });
    expect(large.c2).toBeCloseTo(small.c2 / 8, 12);
    expect(large.c1).toBeCloseTo(small.c1, 12);
    expect(large.c0).toBeCloseTo(small.c0 * 8, 12);
  });
});

describe('the ridge holds what the values leave open', () => {
  test.each([2, -2])('a constant input of %d', (x) => {
    const moments = momentsOf([x], (v) => Math.max(v, 0));
    const found = dapaCoefficients(moments, { unit: 2, ridge: 1e-3 });
    // three coefficients of size y / 3 in units: the ridge pulls p(x) off by a third of itself
    expect(found.c2 * x * x + found.c1 * x + found.c0).toBeCloseTo(Math.max(x, 0) / (1 + 1e-3 / 3), 9);
    expect(Math.abs(found.c2)).toBeLessThan(0.2);
  });

  test('a channel that hardly moves gets no steep parabola', () => {
    const moments = normalMoments(0, 1e-6);
    expect(dapaCoefficients(moments, exact).c2).toBeGreaterThan(1e5);
    expect(Math.abs(dapaCoefficients(moments, { unit: 0.05, ridge: 1e-3 }).c2)).toBeLessThan(1e-3);
  });
});
