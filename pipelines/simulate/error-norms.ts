import { linearFaultRate } from '../../crypto/steps/linear.ts';
import type { ValueRange } from '../compile/ranges.ts';

/** How errors add up, and how much one rounding by less than a unit counts. */
export type Norm = {
  readonly sum: (terms: Iterable<number>) => number;
  /** The size of the rounding of a window's weights, if the channel's values have size 1. */
  readonly gain: (weights: readonly number[]) => number;
  readonly stochastic: number;
  readonly nearest: number;
  /** How much the fault of a sign test counts that drops or passes a value below one unit. */
  readonly fault: number;
  /** How much an error of one unit in a share `linearFaultRate` of a linear step's outputs counts. */
  readonly offByOne: number;
  /** The size of an input value: the largest, or the root mean square. */
  readonly size: (range: Sizes, channel: number) => number;
  /** The size of a value where it decides the slope of a polynomial. */
  readonly reach: (range: Sizes, channel: number) => number;
  /** The share of an input error that a ReLU passes on. */
  readonly active: (range: Sizes, channel: number) => number;
};

export const worstCase: Norm = {
  sum: absoluteSum,
  gain: absoluteSum,
  stochastic: 1,
  nearest: 1 / 2,
  fault: 1,
  offByOne: 1,
  size: (range, channel) => range.channels[channel]!,
  reach: (range, channel) => range.channels[channel]!,
  active: () => 1,
};

export const independent: Norm = {
  sum: rootSquareSum,
  gain: (weights) => Math.max(rootSquareSum(weights), Math.abs(weights.reduce((sum, w) => sum + w, 0))),
  stochastic: 1 / 2,
  nearest: Math.sqrt(1 / 12),
  // Each element has a fault, and what it drops is uniform. In truth few values are that small.
  fault: Math.sqrt(1 / 3),
  offByOne: Math.sqrt(linearFaultRate),
  size: (range, channel) => Math.sqrt(range.meanSquares[channel]!),
  // reach^2 is the root mean square of x^2, for a normal x.
  reach: (range, channel) => 3 ** (1 / 4) * Math.sqrt(range.meanSquares[channel]!),
  active: (range, channel) => Math.sqrt(range.positive[channel]!),
};

export type Sizes = Pick<ValueRange, 'channels' | 'meanSquares' | 'positive'>;

function absoluteSum(terms: Iterable<number>): number {
  let sum = 0;
  for (const term of terms) sum += Math.abs(term);
  return sum;
}

function rootSquareSum(terms: Iterable<number>): number {
  let sum = 0;
  for (const term of terms) sum += term * term;
  return Math.sqrt(sum);
}

/** The error and the size of each channel of a wire, in real units. */
export type Knowledge = { readonly error: Float64Array; readonly sizes: Sizes };
