import { UsageError } from '../../src/shared/errors.ts';

/** A network of D stages whose widths are to be found: stage k has m a_1 ... a_(k-1) channels. */
export type StagesToEqualise = {
  /** phi_k: the blocks of each stage; every block has the same number of ReLU layers. */
  readonly blocks: readonly number[];
  /** Height times width of each stage's maps (default: each stage has a quarter of the one before). */
  readonly places?: readonly number[];
  /** The stage numbers (from 1), the most critical stage first. */
  readonly order: readonly number[];
  /** The smallest multiplier to try (default: 2, as in every published network). */
  readonly least?: number;
};

/**
 * ReLU equalisation of DeepReShape (Jha, Reagen, TMLR 2024, Algorithm 1). Returns, in lexicographic order,
 * all componentwise minimal integers a_1, ..., a_(D-1) under which a more critical stage has more ReLUs than
 * a less critical one, with
 *
 *     #ReLU(S_k) = phi_k places_k a_1 ... a_(k-1)    (relative to the base width, without the stem's ReLU).
 *
 * The search is exact: it uses integers only, and no solution lies beyond its bounds. Let r_pq = phi_p
 * places_p / (phi_q places_q). If stage q = p + 1 is more critical than p, a_p must exceed r_pq, which gives
 * its least value l_p. If a_j > l_j in a minimal solution, a_j - 1 breaks an inequality #(S_q) > #(S_p) with
 * p <= j < q; so (a_j - 1) times the other l_i from p to q - 1 is at most r_pq. The list is empty if there is
 * no solution. Throws UsageError for an order that is not a permutation of the stages.
 */
export function equaliseRelus(stages: StagesToEqualise): number[][] {
  const problem = checked(stages);
  const found: number[][] = [];
  extend(problem, [], [problem.sizes[0]!], found);
  return found;
}

type Problem = {
  /** phi_k places_k of each stage. */
  readonly sizes: readonly number[];
  /** How many stages are more critical than stage k. */
  readonly rank: readonly number[];
  /** The bounds of every multiplier, both included. */
  readonly lower: readonly number[];
  readonly upper: readonly number[];
};

function checked({ blocks, places, order, least = 2 }: StagesToEqualise): Problem {
  const count = blocks.length;
  const expected = blocks.map((_, k) => k + 1);
  if ([...order].sort((a, b) => a - b).join() !== expected.join())
    throw new UsageError(
      `order: expected each of the stages S1 to S${count} once, got ${order.map((k) => `S${k}`).join(',')}`,
    );
  const sizes = blocks.map((phi, k) => phi * (places?.[k] ?? 4 ** (count - 1 - k)));
  const rank = expected.map((k) => order.indexOf(k));
  const pairs = sizes.slice(1);
  const lower = pairs.map((size, j) =>
    rank[j + 1]! < rank[j]! ? Math.max(least, Math.floor(sizes[j]! / size) + 1) : least,
  );
  const upper = pairs.map((_, j) => upperBound(j, sizes, rank, lower));
  return { sizes, rank, lower, upper };
}

/** The largest a_j of a minimal solution, derived in the comment on `equaliseRelus`. */
function upperBound(
  j: number,
  sizes: readonly number[],
  rank: readonly number[],
  lower: readonly number[],
): number {
  let bound = lower[j]!;
  for (let p = 0; p <= j; p++) {
    for (let q = j + 1; q < sizes.length; q++) {
      if (rank[q]! > rank[p]!) continue;
      const others = lower.slice(p, q).reduce((product, l) => product * l, 1) / lower[j]!;
      bound = Math.max(bound, 1 + Math.floor(sizes[p]! / (sizes[q]! * others)));
    }
  }
  return bound;
}

/**
 * Tries every next multiplier in ascending order, so that a solution is found before any that it dominates.
 * Of the solutions that differ only in the last multiplier, only the first can be minimal. Returns whether it
 * found a solution.
 */
function extend(problem: Problem, chosen: readonly number[], relus: number[], found: number[][]): boolean {
  const { sizes, lower, upper } = problem;
  const k = chosen.length + 1;
  if (k === sizes.length) {
    if (!found.some((other) => other.every((a, i) => a <= chosen[i]!))) found.push([...chosen]);
    return true;
  }
  const channels = relus[k - 1]! / sizes[k - 1]!;
  for (let a = lower[k - 1]!; a <= upper[k - 1]!; a++) {
    const count = channels * a * sizes[k]!;
    if (!fits(problem, relus, count)) continue;
    const isSolved = extend(problem, [...chosen, a], [...relus, count], found);
    if (isSolved && k === sizes.length - 1) return true;
  }
  return false;
}

/** Whether the next stage may have `count` ReLUs under the order of criticality. */
function fits({ rank }: Problem, relus: readonly number[], count: number): boolean {
  const own = rank[relus.length]!;
  return relus.every((other, i) => (own < rank[i]! ? count > other : count < other));
}
