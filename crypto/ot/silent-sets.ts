import type { Shape } from '../ring/silent.ts';

/**
 * Parameters of silent transfers: learning parity with noise over F_2, samples = trees 2^depth, a secret of
 * `secret` bits, regular noise of one error in each tree. The hybrid attack of Wang and others (ePrint
 * 2025/1284), the cheapest known, takes 2^bits operations (docs/security.md has all attacks that were run):
 *
 *   s14   130.3
 *   s16   130.8
 *
 * s16 is 'b10' of emp-ot (tuning.h, May 2026) with 768 trees in place of 850: fewer samples are harder.
 * `batch` is a matter of this program's speed alone.
 */
export const silentSets = {
  s14: { trees: 384, depth: 8, batch: 96, secret: 2 ** 14 },
  s16: { trees: 768, depth: 10, batch: 32, secret: 2 ** 16 },
  /** Breaks in no time: for tests of this program alone, refused by both parties in a session. */
  testInsecure: { trees: 40, depth: 7, batch: 10, secret: 2 ** 10 },
} as const satisfies Record<string, Shape>;
export type SilentSet = keyof typeof silentSets;

/** Rows of each iteration that hide what the check would tell. */
export const checkedRows = 128;

/** Rows of an iteration. */
export function rowsOf(set: SilentSet): number {
  const { trees, depth } = silentSets[set];
  return trees << depth;
}

/** Of these, the rows that the next iteration of a set begins with: secret, levels of the trees, check. */
export function carriedBy(set: SilentSet): number {
  const { trees, depth, secret } = silentSets[set];
  return secret + trees * depth + checkedRows;
}

/** The rows that an iteration gives away, if the next is of the same set. */
export function givenBy(set: SilentSet): number {
  return rowsOf(set) - carriedBy(set);
}

/** Bytes of the corrections of an iteration: a row for each level of each tree. */
export function correctionsOf(set: SilentSet): number {
  const { trees, depth } = silentSets[set];
  return 16 * trees * depth;
}

/** Bytes of the check of so many iterations: a masked value each, and the proof. */
export function checkBytes(iterations: number): { readonly masked: number; readonly proof: number } {
  return { masked: 16 * iterations, proof: 32 };
}

/** An iteration of a direction, with the rows that it gives away and those that it carries over. */
export type Iteration = { readonly set: SilentSet; readonly given: number; readonly next: number };

/** The smaller set whose one iteration makes what the first of this set begins with. */
const before: Readonly<Partial<Record<SilentSet, SilentSet>>> = { s16: 's14' };

/** The rows of SoftSpokenOT that a direction begins with. */
export function firstRows(set: SilentSet): number {
  return carriedBy(before[set] ?? set);
}

/**
 * What `count` more promised rows need, where `left` rows are promised to nobody; `fresh`: nothing was made
 * yet.
 */
export function iterationsOf(set: SilentSet, count: number, left = 0, fresh = true): Iteration[] {
  const iterations: Iteration[] = [];
  let short = count - left;
  const add = (own: SilentSet) => {
    const given = rowsOf(own) - carriedBy(set);
    iterations.push({ set: own, given, next: carriedBy(set) });
    short -= given;
  };
  const smaller = before[set];
  if (short > 0 && fresh && smaller !== undefined) add(smaller);
  while (short > 0) add(set);
  return iterations;
}
