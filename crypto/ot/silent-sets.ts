import { indexBytes } from '../ring/silent.ts';
import type { Shape } from '../ring/silent.ts';

/**
 * Parameters of silent transfers: learning parity with noise over F_2, samples = trees 2^depth, a secret of
 * `secret` bits, regular noise of one error in each tree. s16 is 'b10' of emp-ot (tuning.h, May 2026) with
 * 768 trees in place of 850: fewer samples are harder for an attacker. The cheapest known attacks take
 * 2^128.9 and 2^130.8 operations (docs/security.md has all that were run). Smaller secrets, with which a
 * session could begin in fewer bytes, were dropped: 2^14 with 384 trees of depth 8 take 2^123.0, 2^15 with
 * 560 of depth 9 take 2^125.4.
 *
 * `batch` is a matter of this program's speed alone.
 */
export const silentSets = {
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

/** Bytes of the indices of the code that each thread keeps, where they are kept: 15.7 MB. */
export const keptIndexBytes: number = indexBytes * rowsOf('s16');

/** Of these, the rows that the next iteration begins with: secret, levels of the trees, check. */
export function carriedBy(set: SilentSet): number {
  const { trees, depth, secret } = silentSets[set];
  return secret + trees * depth + checkedRows;
}

/** The rows that an iteration gives away. */
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

/** The iterations that `count` more promised rows need, where `left` rows are promised to nobody. */
export function iterationsOf(set: SilentSet, count: number, left = 0): number {
  return Math.ceil(Math.max(0, count - left) / givenBy(set));
}
