import { ProtocolError } from '../../src/shared/errors.ts';
import { asWords } from '../bits.ts';
import { aesCtr, blockBytes as aesBytes, sha256 } from '../platform/platform.ts';
import type { LeafSums, Ring } from '../ring/kernels.ts';
import { blockBytes, checkRows, columnBytes, depthsOf } from './blocks.ts';
import { hashBytes, hashColumns } from './column-hash.ts';
import type { BlockRows } from './row-queue.ts';
import { rowWords, securityBits } from './transfers.ts';
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
  /** All leaves of each tree. */
  readonly trees: readonly Leaves[];
  readonly transcript: Uint8Array;
};

/** The secrets of the party that offers. */
export type OfferingSeeds = {
  readonly depth: number;
  /** All leaves of each tree but the one that Delta names. */
  readonly trees: readonly Leaves[];
  /** One a byte. */
  readonly deltaBits: Uint8Array;
  readonly transcript: Uint8Array;
};

export type DrawnBlock = BlockRows & {
  /** `blockBytes`, for the party that offers. */
  readonly message: Uint8Array<ArrayBuffer>;
};

export function drawBlock(ring: Ring, seeds: ChoosingSeeds, place: Place): DrawnBlock {
  const bytes = columnBytes(place.rows);
  const message = new Uint8Array(blockBytes(place.rows, seeds.depth));
  const columns = new Uint8Array(securityBits * bytes);
  let choices = new Uint8Array();
  let column = 0;
  for (const [i, leaves] of seeds.trees.entries()) {
    const sums = treeSums(ring, leaves, place.at, bytes);
    columns.set(sums.columns, column * bytes);
    column += Math.log2(leaves.length);
    if (i === 0) choices = sums.total;
    else addTo(message, (i - 1) * bytes, sums.total, choices);
  }
  const proofAt = (seeds.trees.length - 1) * bytes;
  const { key, shift } = challenge(seeds.transcript, place.block, message.subarray(0, proofAt));
  message.set(hashColumns(key, choices, 1, ring), proofAt);
  message.set(sha256(hashColumns(key, columns, securityBits, ring)), proofAt + hashBytes);
  const kept = choices.subarray(0, place.rows / 8);
  return { message, rows: rowsOf(ring, columns, shift, place.rows), choices: kept };
}

/**
 * The rows of the block that `message` makes. Throws ProtocolError for a message of a wrong length, and for
 * one whose choices are not the same for all trees.
 */
export function checkBlock(ring: Ring, seeds: OfferingSeeds, place: Place, message: Uint8Array): BlockRows {
  const expected = blockBytes(place.rows, seeds.depth);
  if (message.byteLength !== expected) {
    throw new ProtocolError(
      `OT extension: expected ${expected} bytes for ${place.rows} transfers, got ${message.byteLength}`,
    );
  }
  const bytes = columnBytes(place.rows);
  const columns = new Uint8Array(securityBits * bytes);
  const missing = missingLeaves(seeds.deltaBits, seeds.depth);
  let column = 0;
  for (const [i, leaves] of seeds.trees.entries()) {
    // At place y the leaf Delta_i xor y: the one that is lacked comes first, where its weight is zero.
    const turned = leaves.map((_, y) => leaves[missing[i]! ^ y]!);
    const sums = treeSums(ring, turned, place.at, bytes);
    columns.set(sums.columns, column * bytes);
    for (let depth = Math.log2(leaves.length); depth > 0; depth--, column++) {
      const correction = i === 0 ? undefined : message.subarray((i - 1) * bytes, i * bytes);
      if (seeds.deltaBits[column] === 1 && correction !== undefined)
        addTo(columns, column * bytes, columns.subarray(column * bytes, (column + 1) * bytes), correction);
    }
  }
  const proofAt = (seeds.trees.length - 1) * bytes;
  const { key, shift } = challenge(seeds.transcript, place.block, message.subarray(0, proofAt));
  checkColumns(hashColumns(key, columns, securityBits, ring), seeds.deltaBits, message.subarray(proofAt));
  return { rows: rowsOf(ring, columns, shift, place.rows), choices: new Uint8Array() };
}

function checkColumns(hashes: Uint8Array, deltaBits: Uint8Array, proof: Uint8Array): void {
  deltaBits.forEach((bit, j) => {
    for (let b = 0; b < hashBytes; b++) hashes[hashBytes * j + b]! ^= -bit & proof[b]!;
  });
  const expected = sha256(hashes);
  const difference = expected.reduce((sum, byte, i) => sum | (byte ^ proof[hashBytes + i]!), 0);
  if (difference !== 0) throw new ProtocolError('OT extension: the choices are not the same for all trees');
}

/**
 * The leaf of each tree whose number is Delta's bits there: bit j of a tree's leaf numbers belongs to its
 * column j.
 */
export function missingLeaves(deltaBits: Uint8Array, depth: number): number[] {
  let at = 0;
  return depthsOf(depth).map((own) =>
    deltaBits.subarray(at, (at += own)).reduce((leaf, bit, j) => leaf | (bit << j), 0),
  );
}

const domain = new TextEncoder().encode('reluctant OT transfers 3');

/** From the corrections of a block: the hash's key, and R of the rows. */
function challenge(transcript: Uint8Array, block: number, corrections: Uint8Array) {
  const number = new Uint8Array(8);
  new DataView(number.buffer).setBigUint64(0, BigInt(block), true);
  const bytes = sha256(domain, transcript, number, corrections);
  return { key: bytes.subarray(0, 16), shift: bytes.subarray(16) };
}

/** The sums of a tree's streams from byte `at` on; an empty leaf counts as zeros. */
function treeSums(ring: Ring, leaves: Leaves, at: number, bytes: number): LeafSums {
  const counter = new Uint8Array(aesBytes);
  new DataView(counter.buffer).setBigUint64(8, BigInt(at / aesBytes));
  // The older `extend` draws the same leaves' streams from counter 0 on.
  counter[0] = 1;
  return ring.leafSums(
    leaves.map((leaf) => (leaf.length === 0 ? new Uint8Array(bytes) : aesCtr(leaf, counter)(bytes))),
  );
}

function rowsOf(ring: Ring, columns: Uint8Array, shift: Uint8Array, count: number): Uint32Array {
  const all = ring.transpose128(columns, count + checkRows);
  return asWords(ring.addPowers(all, shift)).subarray(0, rowWords * count);
}

/** target[at ...] = a xor b, of one length that 4 divides. */
function addTo(target: Uint8Array<ArrayBuffer>, at: number, a: Uint8Array, b: Uint8Array): void {
  const [x, y] = [asWords(a), asWords(b)];
  const to = new Uint32Array(target.buffer, at, x.length);
  for (let i = 0; i < to.length; i++) to[i] = x[i]! ^ y[i]!;
}
