import { describe, expect, test } from 'vitest';
import { dapaCoefficients, polynomialError } from '../../pipelines/dapa.ts';
import { normalCdf, normalDensity } from '../../pipelines/normal.ts';

describe('the normal distribution function', () => {
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

describe('DaPa, the vectors of papers.md B.2', () => {
  const vectors = [
    { mean: 0, sigma: 1, c0: 0.199471, c1: 0.5, c2: 0.199471, mse2: 0.0112676, mse1: 0.0908451 },
    { mean: 0.3, sigma: 0.7, c0: 0.150774, c1: 0.50991, c2: 0.259955, mse2: 0.0063338, mse1: 0.038784 },
    { mean: -0.8, sigma: 1.5, c0: 0.333365, c1: 0.481464, c2: 0.115351, mse2: 0.0304436, mse1: 0.165166 },
    { mean: 1.2, sigma: 0.4, c0: 0.008864, c1: 0.985355, c2: 0.00554, mse2: 3.07e-5, mse1: 3.22e-5 },
  ];
  test.each(vectors)('mean $mean, sigma $sigma', ({ mean, sigma, c0, c1, c2, mse2, mse1 }) => {
    const two = dapaCoefficients(mean, sigma, 2);
    // the vectors are printed with six significant or decimal digits
    expect(Math.abs(two.c0 - c0)).toBeLessThan(6e-7);
    expect(Math.abs(two.c1 - c1)).toBeLessThan(6e-7);
    expect(Math.abs(two.c2 - c2)).toBeLessThan(6e-7);
    expect(Math.abs(two.mse / mse2 - 1)).toBeLessThan(2e-3);
    const one = dapaCoefficients(mean, sigma, 1);
    expect(one.c2).toBe(0);
    expect(Math.abs(one.mse / mse1 - 1)).toBeLessThan(2e-3);
  });

  test.each(vectors)('the closed form of the error: mean $mean, sigma $sigma', ({ mean, sigma }) => {
    const z = mean / sigma;
    const [phi, cdf] = [normalDensity(z), normalCdf(z)];
    const common = (mean ** 2 + sigma ** 2) * cdf * (1 - cdf) + mean * sigma * phi * (1 - 2 * cdf);
    expect(dapaCoefficients(mean, sigma, 1).mse).toBeCloseTo(common - (sigma * phi) ** 2, 12);
    expect(dapaCoefficients(mean, sigma, 2).mse).toBeCloseTo(common - 1.5 * (sigma * phi) ** 2, 12);
  });
});

describe('the error of any quadratic', () => {
  const [mean, sigma] = [0.3, 0.7];

  test('is the integral it says it is', () => {
    const p = { c2: 0.4, c1: -0.2, c0: 0.1 };
    let integral = 0;
    const step = 1e-3;
    for (let x = mean - 10 * sigma; x < mean + 10 * sigma; x += step) {
      const difference = Math.max(x, 0) - (p.c2 * x * x + p.c1 * x + p.c0);
      integral += (difference ** 2 * normalDensity((x - mean) / sigma) * step) / sigma;
    }
    expect(polynomialError(mean, sigma, p)).toBeCloseTo(integral, 6);
  });

  test.each([1, 2] as const)('is smallest at the coefficients of degree %i', (degree) => {
    const best = dapaCoefficients(mean, sigma, degree);
    const keys = degree === 2 ? (['c2', 'c1', 'c0'] as const) : (['c1', 'c0'] as const);
    for (const key of keys) {
      for (const change of [1e-3, -1e-3])
        expect(polynomialError(mean, sigma, { ...best, [key]: best[key] + change })).toBeGreaterThan(
          best.mse,
        );
    }
  });
});

test('a constant input is let through or stopped by its sign', () => {
  expect(dapaCoefficients(2, 0, 2)).toEqual({ c2: 0, c1: 1, c0: 0, mse: 0 });
  expect(dapaCoefficients(-2, 0, 2)).toEqual({ c2: 0, c1: 0, c0: 0, mse: 0 });
  expect(polynomialError(2, 0, { c2: 0, c1: 1, c0: 0.5 })).toBeCloseTo(0.25, 12);
  expect(polynomialError(-2, 0, { c2: 0, c1: 0, c0: 0.5 })).toBeCloseTo(0.25, 12);
  const nearly = dapaCoefficients(2, 1e-3, 2); // the limit is approached, not jumped to
  expect(nearly.c1).toBeCloseTo(1, 12);
  expect(Math.abs(nearly.c2) + Math.abs(nearly.c0)).toBeLessThan(1e-12);
});
