import { expect } from 'vitest';
import { linearFaultRate } from '../../../crypto/steps/linear.ts';

/**
 * Shares of a linear step add up to the ring's value or one unit off, as often as derived at most. Words off by more
 * fail at once; more faults than chance gives in 10^9 runs fail. Returns the number of faults.
 */
export function expectWithinOne(sum: Uint32Array, exact: Uint32Array, what = 'linear step'): number {
  expect(sum.length).toBe(exact.length);
  const off = sum.map((word, i) => word - exact[i]!);
  const faults = off.filter((difference) => difference !== 0);
  expect(
    [...faults].filter((difference) => difference !== 1 && difference !== 0xffff_ffff),
    what,
  ).toEqual([]);
  expect(faults.length, what).toBeLessThanOrEqual(poissonBound(sum.length * linearFaultRate));
  return faults.length;
}

/**
 * The least count that a Poisson variable of this mean exceeds with probability below 10^-9; for large means, where it is
 * close to normal, one a little larger.
 */
export function poissonBound(mean: number): number {
  if (mean > 500) return Math.ceil(mean + 6.5 * Math.sqrt(mean));
  let term = Math.exp(-mean);
  let below = term;
  for (let count = 0; ; count++) {
    if (1 - below < 1e-9) return count;
    term *= mean / (count + 1);
    below += term;
  }
}
