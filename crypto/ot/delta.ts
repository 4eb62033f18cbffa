import type { Rng } from '../../src/shared/random.ts';
import { randomBits } from '../bits.ts';
import { depthsOf } from './blocks.ts';
import { securityBits } from './transfers.ts';

/**
 * Delta of a direction, 128 secret bits, one a byte. The lowest is 1: labels differ in colour, and 127 bits
 * are left.
 */
export function drawDelta(rng: Rng): Uint8Array {
  const bits = randomBits(rng, securityBits);
  bits[0] = 1;
  return bits;
}

/**
 * The leaf of each tree whose number is Delta's bits there: bit j of a tree's leaf numbers belongs to its
 * column j.
 */
export function missingLeaves(delta: Uint8Array, depth: number): number[] {
  return treesOf(delta, depth).map((bits) => bits.reduce((leaf, bit, j) => leaf | (bit << j), 0));
}

/**
 * The choices of the base transfers: at each level of a tree, the highest bit of the leaf's number first, the
 * side that the path to the missing leaf leaves.
 */
export function leavingSides(delta: Uint8Array, depth: number): Uint8Array {
  return Uint8Array.from(
    treesOf(delta, depth).flatMap((bits) => [...bits].reverse()),
    (bit) => bit ^ 1,
  );
}

function treesOf(delta: Uint8Array, depth: number): Uint8Array[] {
  let at = 0;
  return depthsOf(depth).map((own) => delta.subarray(at, (at += own)));
}
