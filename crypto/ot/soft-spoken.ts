import { ProtocolError } from '../../src/shared/errors.ts';
import { areEqual, concatenate } from '../bits.ts';
import { aesCtr, blockBytes as aesBytes, sha256 } from '../platform/platform.ts';
import { prgSeedBytes } from '../prg.ts';
import type { Columns, WriteLeaf } from '../ring/columns.ts';
import { blockBytes, columnBytes, depthsOf, proofBytes } from './blocks.ts';
import { hashBytes, hashColumns } from './column-hash.ts';
import { securityBits } from './transfers.ts';
import { missingLeaves } from './delta.ts';
import type { Leaves } from './trees.ts';

/**
 * SoftSpokenOT (Roy, CRYPTO 2022): extension of oblivious transfers that bears a party that deviates, with
 * random choices. The party that chooses knows every leaf of each tree; the one that offers holds Delta, and
 * lacks of tree i the leaf whose number is the bits of Delta that belong to tree i. For the streams r_x of a
 * tree's leaves the party that chooses computes
 *
 *   u_i = sum of all r_x,   v_i = sum of the r_x with bit j of x set, for each bit j
 *
 * The first tree's u is the choices c, and for each other tree u_i xor c is sent. The party that offers
 * computes v_i xor (bits of Delta) u_i from the leaves it has, and corrects it to c. A row is what 128
 * columns hold at one place: q = t xor c Delta. A tree of depth 1 is IKNP (Ishai, Kilian, Nissim, Petrank,
 * CRYPTO 2003); T trees send T - 1 bits a transfer.
 *
 * The check is Roy's of subspaces. Both parties hash every column by one linear universal hash, whose key is
 * drawn from the whole message (Fiat, Shamir), and the party that offers compares: hash(q_j) = hash(t_j) xor
 * Delta_j hash(c). Other choices in some trees pass only for the Deltas that were guessed. 128 more rows,
 * never taken, hide what the hash of the choices would tell.
 *
 * Rows differ. The party that chooses could draw its trees until two rows are equal, and the keys of both
 * transfers would be equal. So row i of a block is xored with x^i R in GF(2^128), R being drawn as the key of
 * the hash is, after the message is fixed.
 *
 * A block is its place in the streams, so it can be made on any thread; no place belongs to two blocks.
 */

/** Where a block lies in the sequence of its direction. */
export type Place = {
  /** 0, 1, 2 and so on: the challenge hangs on it. */
  readonly block: number;
  /** The byte of each leaf's stream that it begins at, a multiple of 16. */
  readonly at: number;
  readonly rows: number;
};

/** The secrets of the party that chooses, and what the messages of a direction are bound to. */
export type ChoosingSeeds = {
  readonly depth: number;
  /** Tree by tree, the seed of every leaf, 16 bytes each. */
  readonly leaves: Uint8Array;
  readonly transcript: Uint8Array;
};

/** The secrets of the party that offers. */
export type OfferingSeeds = {
  readonly depth: number;
  /** The same, leaf Delta_i xor y of tree i at place y; the first, which is lacked, is zero. */
  readonly leaves: Uint8Array;
  /** One a byte. */
  readonly deltaBits: Uint8Array;
  readonly transcript: Uint8Array;
};

/** From all leaves of each tree. */
export function choosingSeeds(
  depth: number,
  trees: readonly Leaves[],
  transcript: Uint8Array,
): ChoosingSeeds {
  return { depth, leaves: concatenate(trees.flat()), transcript };
}

/** From all leaves of each tree but that which Delta names; whatever stands in its place is not looked at. */
export function offeringSeeds(
  depth: number,
  trees: readonly Leaves[],
  deltaBits: Uint8Array,
  transcript: Uint8Array,
): OfferingSeeds {
  const missing = missingLeaves(deltaBits, depth);
  const turned = trees.flatMap((leaves, tree) =>
    leaves.map((_, y) => (y === 0 ? new Uint8Array(prgSeedBytes) : leaves[missing[tree]! ^ y]!)),
  );
  return { depth, leaves: concatenate(turned), deltaBits, transcript };
}

export type DrawnBlock = {
  readonly rows: Uint32Array<ArrayBuffer>;
  /** Packed. */
  readonly choices: Uint8Array<ArrayBuffer>;
  /** `blockBytes`, for the party that offers. */
  readonly message: Uint8Array<ArrayBuffer>;
};

export function drawBlock(columns: Columns, seeds: ChoosingSeeds, place: Place): DrawnBlock {
  const trees = depthsOf(seeds.depth).length;
  columns.start(columnBytes(place.rows), trees);
  eachTree(seeds, place, (tree, first, depth, stream) => columns.sum(tree, first, depth, stream));
  const choices = columns.totals(0, 1);
  const corrections = columns.totals(1, trees - 1);
  const { key, shift } = challenge(seeds.transcript, place.block, corrections);
  const message = new Uint8Array(blockBytes(place.rows, seeds.depth));
  message.set(corrections);
  message.set(hashColumns(key, choices, 1, columns), corrections.length);
  const hashes = hashColumns(key, columns.columns, securityBits, columns);
  message.set(sha256(hashes), corrections.length + hashBytes);
  const kept = choices.slice(0, place.rows / 8);
  return { message, rows: columns.rows(place.rows, shift), choices: kept };
}

/**
 * The rows of the block that `message` makes. Throws ProtocolError for a message of a wrong length, and for
 * one whose choices are not the same for all trees.
 */
export function checkBlock(
  columns: Columns,
  seeds: OfferingSeeds,
  place: Place,
  message: Uint8Array,
): Uint32Array<ArrayBuffer> {
  const expected = blockBytes(place.rows, seeds.depth);
  if (message.byteLength !== expected) {
    throw new ProtocolError(
      `OT extension: expected ${expected} bytes for ${place.rows} transfers, got ${message.byteLength}`,
    );
  }
  const trees = depthsOf(seeds.depth).length;
  const corrections = message.subarray(0, expected - proofBytes);
  columns.start(columnBytes(place.rows), trees);
  columns.totals(0, 1).fill(0); // The first tree's total is the choices: nothing to correct.
  columns.totals(1, trees - 1).set(corrections);
  const missing = missingLeaves(seeds.deltaBits, seeds.depth);
  eachTree(seeds, place, (tree, first, depth, stream) => {
    // The leaf that is lacked comes first, where its weight is zero.
    const write: WriteLeaf = (leaf, to) => (leaf === 0 ? void to.fill(0) : stream(leaf, to));
    columns.sumCorrected(tree, first, depth, write, missing[tree]!);
  });
  const { key, shift } = challenge(seeds.transcript, place.block, corrections);
  const hashes = hashColumns(key, columns.columns, securityBits, columns);
  checkHashes(hashes, seeds.deltaBits, message.subarray(corrections.length));
  return columns.rows(place.rows, shift);
}

/** Runs over the trees with the first column and the depth of each, and what writes its leaves' streams. */
function eachTree(
  { depth, leaves }: ChoosingSeeds | OfferingSeeds,
  { at }: Place,
  visit: (tree: number, first: number, depth: number, stream: WriteLeaf) => void,
): void {
  const counter = new Uint8Array(aesBytes);
  new DataView(counter.buffer).setBigUint64(8, BigInt(at / aesBytes));
  let [column, before] = [0, 0];
  for (const [tree, own] of depthsOf(depth).entries()) {
    const seeds = leaves.subarray(prgSeedBytes * before, prgSeedBytes * (before + 2 ** own));
    visit(tree, column, own, (leaf, to) => {
      to.set(aesCtr(seeds.subarray(prgSeedBytes * leaf, prgSeedBytes * (leaf + 1)), counter)(to.length));
    });
    column += own;
    before += 2 ** own;
  }
}

function checkHashes(hashes: Uint8Array, deltaBits: Uint8Array, proof: Uint8Array): void {
  deltaBits.forEach((bit, j) => {
    for (let b = 0; b < hashBytes; b++) hashes[hashBytes * j + b]! ^= -bit & proof[b]!;
  });
  if (areEqual(sha256(hashes), proof.subarray(hashBytes))) return;
  throw new ProtocolError('OT extension: the choices are not the same for all trees');
}

const domain = new TextEncoder().encode('reluctant OT transfers 3');

/** From the corrections of a block: the hash's key, and R of the rows. */
export function challenge(transcript: Uint8Array, block: number, corrections: Uint8Array) {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(block), true);
  const bytes = sha256(domain, transcript, number, corrections);
  return { key: bytes.subarray(0, 16), shift: bytes.subarray(16) };
}
