import { ProtocolError } from '../../src/shared/errors.ts';
import type { Rng } from '../../src/shared/random.ts';
import { areEqual, asWords, concatenate } from '../bits.ts';
import { aesEcb, sha256 } from '../platform/platform.ts';
import { prgSeedBytes } from '../prg.ts';
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
 *
 * A node x has the children E(x) + x under two AES keys, and three more keys make a leaf's tag and its seed.
 * The keys are public and belong to one direction of one session. That asks AES to be an ideal cipher, as the
 * hash of rows does; a level is one call of the cipher a key, where a key a node took 8 us a leaf.
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
 * Grows trees of these depths. `name`: of the direction of the session. `pairs`: both keys of the base
 * transfers, level by level, tree by tree.
 */
export function growTrees(name: Uint8Array, depths: readonly number[], pairs: SeedPairs, rng: Rng): Grown {
  const message = new Uint8Array(treesBytes(depths));
  const expand = expander(name);
  const [ownPairs, ownBytes] = [elements(pairs), bytes(message)];
  const leaves = depths.map((depth) => {
    const root = rng.bytes(prgSeedBytes);
    return growTree(expand, root, depth, ownPairs(depth), ownBytes(treeBytes(depth)));
  });
  return { message, leaves };
}

/** What nodes become: the children of each, one after the other, or the tag and the seed of a leaf. */
type Expand = {
  readonly children: (nodes: Uint8Array) => Uint8Array<ArrayBuffer>;
  readonly tags: (nodes: Uint8Array) => Uint8Array<ArrayBuffer>;
  readonly seeds: (nodes: Uint8Array) => Uint8Array<ArrayBuffer>;
};

function expander(name: Uint8Array): Expand {
  const [left, right, low, high, seed] = Array.from({ length: 5 }, (_, i) => onePermutation(name, i));
  return {
    children: (nodes) => interleaved(left!(nodes), right!(nodes)),
    tags: (nodes) => interleaved(low!(nodes), high!(nodes)),
    seeds: seed!,
  };
}

/** x to E(x) + x, for many x. */
function onePermutation(name: Uint8Array, number: number): (nodes: Uint8Array) => Uint8Array<ArrayBuffer> {
  const domain = new TextEncoder().encode('reluctant OT trees');
  const encrypt = aesEcb(sha256(domain, name, Uint8Array.of(number)).slice(0, prgSeedBytes));
  return (nodes) => {
    const made = new Uint8Array(encrypt(nodes));
    for (let i = 0; i < made.length; i++) made[i]! ^= nodes[i]!;
    return made;
  };
}

/** Blocks of 16 bytes of both in turn. */
function interleaved(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(2 * a.length);
  for (let at = 0; at < a.length; at += prgSeedBytes) {
    both.set(a.subarray(at, at + prgSeedBytes), 2 * at);
    both.set(b.subarray(at, at + prgSeedBytes), 2 * at + prgSeedBytes);
  }
  return both;
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

function growTree(
  expand: Expand,
  root: Uint8Array,
  depth: number,
  pairs: SeedPairs,
  message: Uint8Array,
): Leaves {
  let nodes = root;
  for (let level = 0; level < depth; level++) {
    nodes = expand.children(nodes);
    for (const side of [0, 1] as const) {
      const sum = xor(sumOf(nodes, side, 2), pairs[level]![side]);
      message.set(sum, prgSeedBytes * (2 * level + side));
    }
  }
  const tags = expand.tags(nodes);
  message.set(sumOfTags(tags), 2 * prgSeedBytes * depth);
  message.set(sha256(tags), 2 * prgSeedBytes * depth + tagBytes);
  return seedsOf(expand.seeds(nodes));
}

/**
 * All leaves but `alpha` of each tree; that one is an empty array. `keys`: of each level's base transfer the
 * key of the side that the path to alpha leaves. Throws ProtocolError for a message of a wrong length, and
 * for one whose sums fit no single tree.
 */
export function punctureTrees(
  name: Uint8Array,
  depths: readonly number[],
  keys: readonly Uint8Array[],
  alphas: readonly number[],
  message: Uint8Array,
): Leaves[] {
  if (message.byteLength !== treesBytes(depths)) {
    throw new ProtocolError(`OT trees: expected ${treesBytes(depths)} bytes, got ${message.byteLength}`);
  }
  const expand = expander(name);
  const [ownKeys, ownBytes] = [elements(keys), bytes(message)];
  const punctured = depths.map((depth, tree) =>
    punctureTree(expand, depth, ownKeys(depth), alphas[tree]!, ownBytes(treeBytes(depth))),
  );
  // One error for all trees: which of them failed would tell more of alpha than that one did.
  if (punctured.some((leaves) => leaves === undefined)) {
    throw new ProtocolError('OT trees: expected the sums of one tree each, got others');
  }
  return punctured as Leaves[];
}

/** Undefined where the tags are not those of the message. The node that is missing stands as zeros. */
function punctureTree(
  expand: Expand,
  depth: number,
  keys: readonly Uint8Array[],
  alpha: number,
  message: Uint8Array,
): Leaves | undefined {
  let nodes: Uint8Array<ArrayBuffer> = new Uint8Array(prgSeedBytes);
  for (let level = 0; level < depth; level++) {
    const path = alpha >>> (depth - 1 - level);
    const side = (path & 1) ^ 1;
    nodes = expand.children(nodes);
    nodes.fill(0, prgSeedBytes * (path & ~1), prgSeedBytes * ((path & ~1) + 2));
    const at = prgSeedBytes * (2 * level + side);
    const total = xor(message.subarray(at, at + prgSeedBytes), keys[level]!);
    // The sibling of the path's node is what its side's sum lacks.
    nodes.set(xor(total, sumOf(nodes, side, 2)), prgSeedBytes * (path ^ 1));
  }
  const tags = expand.tags(nodes);
  const own = tags.subarray(tagBytes * alpha, tagBytes * (alpha + 1)).fill(0);
  const sums = message.subarray(2 * prgSeedBytes * depth);
  own.set(xor(sums.subarray(0, tagBytes), sumOfTags(tags)));
  if (!areEqual(sha256(tags), sums.subarray(tagBytes))) return undefined;
  return seedsOf(expand.seeds(nodes)).map((seed, x) => (x === alpha ? new Uint8Array() : seed));
}

function seedsOf(bytes: Uint8Array): Leaves {
  return Array.from({ length: bytes.length / prgSeedBytes }, (_, x) =>
    bytes.subarray(prgSeedBytes * x, prgSeedBytes * (x + 1)),
  );
}

/** The sum of every `step`-th block of 16 bytes, from block `first` on. */
function sumOf(blocks: Uint8Array, first: number, step: number): Uint8Array<ArrayBuffer> {
  const [sum, words] = [new Uint32Array(4), asWords(blocks)];
  for (let at = 4 * first; at < words.length; at += 4 * step) {
    for (let i = 0; i < 4; i++) sum[i]! ^= words[at + i]!;
  }
  return new Uint8Array(sum.buffer);
}

function sumOfTags(tags: Uint8Array): Uint8Array<ArrayBuffer> {
  return concatenate([sumOf(tags, 0, 2), sumOf(tags, 1, 2)]);
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(a, (byte, i) => byte ^ b[i]!);
}
