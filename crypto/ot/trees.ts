import { ProtocolError } from '../../src/shared/errors.ts';
import type { Rng } from '../../src/shared/random.ts';
import { sha256 } from '../platform/platform.ts';
import { prg, prgSeedBytes } from '../prg.ts';
import type { SeedPairs } from './base.ts';

/**
 * Trees of seeds of which the other party learns all leaves but one (Goldreich, Goldwasser, Micali, J. ACM
 * 1986; punctured by oblivious transfer as in Boyle et al., CCS 2019), with the consistency check of Roy,
 * 'SoftSpokenOT' (CRYPTO 2022).
 *
 * Terms. A tree has 2^depth leaves; leaf x is reached by the bits of x, the highest first. The grower knows
 * every leaf. The puncturer knows all but leaf `alpha`, which the grower does not know. Each level takes one
 * base transfer: the grower offers a key for the sum of the left nodes and one for the sum of the right
 * nodes, and the puncturer took the key of the side that its path leaves.
 *
 * The check binds the grower to one set of leaves: a grower whose sums fit only some alphas is caught for the
 * others, so what it learns of alpha is what an abort tells.
 */
export type Leaves = readonly Uint8Array[];

const tagBytes = 32;

/**
 * Bytes of one tree in the grower's message: two masked sums a level, the sum of the tags and the hash of all
 * tags.
 */
function treeBytes(depth: number): number {
  return 2 * prgSeedBytes * depth + 2 * tagBytes;
}

/** Bytes of the grower's message for trees of these depths. */
export function treesBytes(depths: readonly number[]): number {
  return depths.reduce((sum, depth) => sum + treeBytes(depth), 0);
}

export type Grown = {
  /** `treesBytes`, for the puncturer */
  readonly message: Uint8Array<ArrayBuffer>;
  /** Of each tree 2^depth seeds of 16 bytes. */
  readonly leaves: readonly Leaves[];
};

/**
 * Grows trees of these depths. `pairs`: both keys of the base transfers, level by level, tree by tree.
 */
export function growTrees(depths: readonly number[], pairs: SeedPairs, rng: Rng): Grown {
  const message = new Uint8Array(treesBytes(depths));
  const [ownPairs, ownBytes] = [elements(pairs), bytes(message)];
  const leaves = depths.map((depth) => growTree(depth, ownPairs(depth), rng, ownBytes(treeBytes(depth))));
  return { message, leaves };
}

/** Functions that take consecutive parts. */
function elements<T>(whole: readonly T[]): (count: number) => readonly T[] {
  let at = 0;
  return (count) => whole.slice(at, (at += count));
}
function bytes(whole: Uint8Array): (count: number) => Uint8Array {
  let at = 0;
  return (count) => whole.subarray(at, (at += count));
}

function growTree(depth: number, pairs: SeedPairs, rng: Rng, message: Uint8Array): Leaves {
  let nodes: Uint8Array[] = [rng.bytes(prgSeedBytes)];
  for (let level = 0; level < depth; level++) {
    nodes = nodes.flatMap(children);
    for (const side of [0, 1] as const) {
      const sum = sumOf(nodes.filter((_, i) => (i & 1) === side));
      message.set(xor(sum, pairs[level]![side]), prgSeedBytes * (2 * level + side));
    }
  }
  const ends = nodes.map(leafOf);
  const tags = ends.map(({ tag }) => tag);
  message.set(sumOf(tags), 2 * prgSeedBytes * depth);
  message.set(sha256(...tags), 2 * prgSeedBytes * depth + tagBytes);
  return ends.map(({ seed }) => seed);
}

/**
 * All leaves but `alpha` of each tree; that one is an empty array. `keys`: of each level's base transfer the
 * key of the side that the path to alpha leaves. Throws ProtocolError for a message of a wrong length, and
 * for one whose sums fit no single tree.
 */
export function punctureTrees(
  depths: readonly number[],
  keys: readonly Uint8Array[],
  alphas: readonly number[],
  message: Uint8Array,
): Leaves[] {
  if (message.byteLength !== treesBytes(depths)) {
    throw new ProtocolError(`OT trees: expected ${treesBytes(depths)} bytes, got ${message.byteLength}`);
  }
  const [ownKeys, ownBytes] = [elements(keys), bytes(message)];
  const punctured = depths.map((depth, tree) =>
    punctureTree(depth, ownKeys(depth), alphas[tree]!, ownBytes(treeBytes(depth))),
  );
  // One error for all trees: which of them failed would tell more of alpha than that one did.
  if (punctured.some((leaves) => leaves === undefined)) {
    throw new ProtocolError('OT trees: expected the sums of one tree each, got others');
  }
  return punctured as Leaves[];
}

/** Undefined where the tags are not those of the message. */
function punctureTree(
  depth: number,
  keys: readonly Uint8Array[],
  alpha: number,
  message: Uint8Array,
): Leaves | undefined {
  const missing = new Uint8Array();
  let nodes: Uint8Array[] = [missing];
  for (let level = 0; level < depth; level++) {
    const path = alpha >>> (depth - 1 - level);
    const side = (path & 1) ^ 1;
    nodes = nodes.flatMap((node) => (node === missing ? [missing, missing] : children(node)));
    const at = prgSeedBytes * (2 * level + side);
    const total = xor(message.subarray(at, at + prgSeedBytes), keys[level]!);
    // The sibling of the path's node is what its side's sum lacks.
    nodes[path ^ 1] = sumOf([total, ...nodes.filter((node, i) => (i & 1) === side && node !== missing)]);
  }
  const ends = nodes.map((node) => (node === missing ? undefined : leafOf(node)));
  const sum = message.subarray(2 * prgSeedBytes * depth, 2 * prgSeedBytes * depth + tagBytes);
  const known = ends.flatMap((end) => (end === undefined ? [] : [end.tag]));
  const tags = ends.map((end) => end?.tag ?? sumOf([sum, ...known]));
  const expected = message.subarray(2 * prgSeedBytes * depth + tagBytes);
  if (!sha256(...tags).every((byte, i) => byte === expected[i])) return undefined;
  return ends.map((end) => end?.seed ?? missing);
}

function children(node: Uint8Array): [Uint8Array, Uint8Array] {
  const both = prg(node).bytes(2 * prgSeedBytes);
  return [both.subarray(0, prgSeedBytes), both.subarray(prgSeedBytes)];
}

/** A leaf's tag, which the check shows the sum of, and the seed that is used, which nothing shows. */
function leafOf(node: Uint8Array): { readonly tag: Uint8Array; readonly seed: Uint8Array } {
  const bytes = prg(node).bytes(tagBytes + prgSeedBytes);
  return { tag: bytes.subarray(0, tagBytes), seed: bytes.subarray(tagBytes) };
}

function sumOf(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const sum = new Uint8Array(parts[0]!.length);
  for (const part of parts) for (let i = 0; i < sum.length; i++) sum[i]! ^= part[i]!;
  return sum;
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  return sumOf([a, b]);
}
