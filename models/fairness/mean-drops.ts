import { momentsOf, without } from './permutation.ts';
import type { Sums } from './permutation.ts';

/** The number of random permutations, so that no p-value is below 1 / 5,000. */
const deals = 4999;

/**
 * The test of `permutationPValue` for drops that are means over several networks, and so may be any numbers.
 * Returns one p-value per group of `members`, from random permutations of all images over groups of these
 * sizes (Dwass 1957). It is about these networks; the intervals say what networks with other seeds would do.
 * NaN if all images are in one group.
 */
export function meanDropPValues(
  drops: Float64Array,
  members: readonly Int32Array[],
  draw: (n: number) => number,
): number[] {
  const pool = Float64Array.from(
    members.flatMap((group) => [...group]),
    (i) => drops[i]!,
  );
  const sizes = members.map(({ length }) => length);
  const all = sumsOver(pool, 0, pool.length);
  const seen = studentisedBySize(pool, sizes, all);
  const asLarge = seen.map(() => 1); // the data itself is one of the permutations
  for (let deal = 0; deal < deals; deal++) {
    shuffle(pool, draw);
    studentisedBySize(pool, sizes, all).forEach((t, g) => {
      if (t >= seen[g]! - tolerance(seen[g]!)) asLarge[g]!++;
    });
  }
  return seen.map((t, g) => (Number.isNaN(t) ? NaN : asLarge[g]! / (deals + 1)));
}

/** Equal statistics may differ in their last bits, so they are compared with a tolerance. */
function tolerance(seen: number): number {
  return 1e-9 * (1 + (Number.isFinite(seen) ? Math.abs(seen) : 0));
}

/** Welch's t of each group against the rest, where the pool is cut into groups of these sizes. */
function studentisedBySize(pool: Float64Array, sizes: readonly number[], all: Sums): number[] {
  let start = 0;
  return sizes.map((size) => {
    const group = sumsOver(pool, start, (start += size));
    const rest = without(all, group);
    if (group.n < 1 || rest.n < 1) return NaN;
    const [a, b] = [momentsOf(group), momentsOf(rest)];
    const difference = a.mean - b.mean;
    if (Math.abs(difference) < 1e-12) return 0;
    return difference / Math.sqrt(a.varianceOfMean + b.varianceOfMean);
  });
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
