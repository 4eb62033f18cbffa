import { momentsOf, without } from './permutation.ts';
import type { Sums } from './permutation.ts';

/** The number of random permutations, so that no p-value is below 1 / 5,000. */
const deals = 4999;

/**
 * The test of `loss-tests.ts` for drops that are means over several networks, and so may be any numbers.
 * Returns one p-value per group of `members`: the larger one of a permutation test and a bootstrap, both
 * with random draws. It is about these networks; the intervals say what networks with other seeds would
 * do. NaN if all images are in one group.
 */
export function meanDropPValues(
  drops: Float64Array,
  members: readonly Int32Array[],
  draw: (n: number) => number,
  draws = deals,
): number[] {
  const own = members.map((group) => Float64Array.from(group, (i) => drops[i]!));
  const sums = own.map((values) => sumsOver(values, 0, values.length));
  const all = totalOf(sums);
  const seen = sums.map((group) => studentised(group, without(all, group)));
  const permuted = countAsLarge(seen, draws, dealt(own, all, draw));
  const resampled = countAsLarge(seen, draws, redrawnUnderNull(own, sums, all, draw));
  return seen.map((t, g) => (Number.isNaN(t) ? NaN : Math.max(permuted[g]!, resampled[g]!) / (draws + 1)));
}

/**
 * How often a draw of all groups' statistics is at least as large as the observed one, counting that one.
 */
function countAsLarge(seen: readonly number[], draws: number, next: () => readonly number[]): number[] {
  const asLarge = seen.map(() => 1);
  for (let i = 0; i < draws; i++) {
    next().forEach((t, g) => {
      if (t >= seen[g]! - tolerance(seen[g]!)) asLarge[g]!++;
    });
  }
  return asLarge;
}

/** Deals all images to groups of the same sizes (Dwass 1957): exact if the images are exchangeable. */
function dealt(own: readonly Float64Array[], all: Sums, draw: (n: number) => number): () => number[] {
  const pool = Float64Array.from(own.flatMap((values) => [...values]));
  return () => {
    shuffle(pool, draw);
    let start = 0;
    return own.map(({ length }) => {
      const group = sumsOver(pool, start, (start += length));
      return studentised(group, without(all, group));
    });
  };
}

/**
 * Draws each group's images from itself with replacement, and takes off the difference that was observed, so
 * that the means are equal but groups change as often as they do (Efron and Tibshirani 1993, section 16.2).
 */
function redrawnUnderNull(
  own: readonly Float64Array[],
  sums: readonly Sums[],
  all: Sums,
  draw: (n: number) => number,
): () => number[] {
  const differences = sums.map((group) => differenceOf(group, without(all, group)));
  return () => {
    const drawn = own.map((values) => redrawn(values, draw));
    const total = totalOf(drawn);
    return drawn.map((group, g) => studentised(group, without(total, group), differences[g]));
  };
}

function redrawn(values: Float64Array, draw: (n: number) => number): Sums {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    const value = values[draw(values.length)]!;
    sum += value;
    squares += value * value;
  }
  return { n: values.length, sum, squares };
}

function totalOf(sums: readonly Sums[]): Sums {
  const total = (key: 'n' | 'sum' | 'squares') => sums.reduce((sum, one) => sum + one[key], 0);
  return { n: total('n'), sum: total('sum'), squares: total('squares') };
}

function differenceOf(group: Sums, rest: Sums): number {
  return group.sum / group.n - rest.sum / rest.n;
}

/** Welch's t of the group against the rest, where a difference of means of `expected` counts as none. */
function studentised(group: Sums, rest: Sums, expected = 0): number {
  if (group.n < 1 || rest.n < 1) return NaN;
  const difference = differenceOf(group, rest) - expected;
  if (Math.abs(difference) < 1e-12) return 0;
  return difference / Math.sqrt(momentsOf(group).varianceOfMean + momentsOf(rest).varianceOfMean);
}

/** Equal statistics may differ in their last bits, so they are compared with a tolerance. */
function tolerance(seen: number): number {
  return 1e-9 * (1 + (Number.isFinite(seen) ? Math.abs(seen) : 0));
}

/** The sums over the values from `start` up to but not including `end`. */
export function sumsOver(values: Float64Array, start: number, end: number): Sums {
  let [sum, squares] = [0, 0];
  for (let i = start; i < end; i++) {
    const value = values[i]!;
    sum += value;
    squares += value * value;
  }
  return { n: end - start, sum, squares };
}

function shuffle(values: Float64Array, draw: (n: number) => number): void {
  for (let i = values.length - 1; i > 0; i--) {
    const j = draw(i + 1);
    const value = values[i]!;
    values[i] = values[j]!;
    values[j] = value;
  }
}
