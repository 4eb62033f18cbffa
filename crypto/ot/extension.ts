import { ProtocolError } from '../../src/shared/errors.ts';
import type { Rng } from '../../src/shared/random.ts';
import { asWords, packBits } from '../bits.ts';
import { hashRows, hashRowsWith, TweakedCipher } from '../hash.ts';
import { sha256 } from '../platform/platform.ts';
import { prg } from '../prg.ts';
import type { LeafSums, Ring } from '../ring/kernels.ts';
import { hashBytes, hashColumns } from './column-hash.ts';
import { rowWords, securityBits } from './transfers.ts';
import type { Leaves } from './trees.ts';

/**
 * SoftSpokenOT (Roy, CRYPTO 2022): extension of oblivious transfers that bears a party that deviates. The
 * receiver chooses and knows every leaf of each tree; the sender holds Delta, and lacks of tree i the leaf
 * whose number is the bits of Delta that belong to tree i. For the streams r_x of a tree's leaves the
 * receiver computes
 *
 *   u_i = sum of all r_x,   v_i = sum of the r_x with bit j of x set, for each bit j
 *
 * and sends u_i xor c for the choices c. The sender computes v_i xor (bits of Delta) u_i from the leaves it
 * has, and corrects it to c. A row is what 128 columns hold at one place: q = t xor c Delta, correlated
 * transfer, which is what free-XOR labels are. A tree of depth 1 is IKNP (Ishai, Kilian, Nissim, Petrank,
 * CRYPTO 2003); depth k sends 128 / k bits a transfer.
 *
 * The check is Roy's of subspaces. Both parties hash every column by one linear universal hash, whose key is
 * drawn from the receiver's whole message (Fiat, Shamir), and the sender compares: hash(q_j) = hash(t_j) xor
 * Delta_j hash(c). A receiver that sends other choices to some trees passes only for the Deltas that it
 * guesses. 128 more rows, never used, hide what the hash of the choices would tell. The sender checks before
 * it returns a row, so nothing that depends on Delta leaves before.
 *
 * Rows differ. A receiver may choose its trees until two rows of it are equal, and both transfers would have
 * equal keys. So row i is xored with x^i R in GF(2^128), R being drawn as the key of the hash is, after the
 * receiver's message is fixed.
 *
 * The streams move forward only, so no row comes twice.
 */
/**
 * Depth of the trees: 4 bytes a transfer where IKNP sends 16. Deeper trees take more time than they save at
 * 100 Mbit/s.
 */
export const treeDepth = 4;

export { rowWords, securityBits };

/** Rows that hide the hash of the choices. */
const checkRows = 128;
const proofBytes = hashBytes + 32;

const domain = new TextEncoder().encode('reluctant OT extension 3');

/** Rows are drawn in whole 128-bit words of each column. */
function drawn(count: number): number {
  return Math.ceil(count / 128) * 128 + checkRows;
}

/**
 * Bytes of the receiver's message for `count` transfers: a correction a tree, then the hash of the choices
 * and that of the columns.
 */
export function extensionBytes(count: number, depth: number = treeDepth): number {
  return (drawn(count) / 8) * (securityBits / depth) + proofBytes;
}

export type Extension = {
  /** for the sender, `extensionBytes(count)` */
  readonly message: Uint8Array<ArrayBuffer>;
  /** t, [count, 4 words] */
  readonly rows: Uint32Array;
};

/** Two keys an OT, uniform words. */
export type KeyPairs = {
  readonly k0: Uint32Array<ArrayBuffer>;
  readonly k1: Uint32Array<ArrayBuffer>;
};

export interface OtReceiver {
  /** Correlated OT for one choice (0 or 1) a byte. Throws nothing. */
  extend(choices: Uint8Array): Extension;
  /** The chosen keys of rows [count, 4 words]. Sender and receiver hash the same rows in the same order. */
  keys(rows: Uint32Array): Uint32Array<ArrayBuffer>;
}

export interface OtSender {
  /** 4 words, lowest bit 1 */
  readonly delta: Uint32Array;
  /**
   * q, [count, 4 words]. Throws ProtocolError for a message of a wrong length, and for one whose choices are
   * not the same for all trees; after that the sender gives no more rows.
   */
  extend(message: Uint8Array, count: number): Uint32Array;
  keyPairs(rows: Uint32Array): KeyPairs;
}

/** What both parties bind a direction's messages to: 32 bytes of this direction of this session. */
export type Transcript = Uint8Array;

/** The challenges of a direction, one a batch, in order. */
class Challenges {
  readonly #transcript: Transcript;
  #batch = 0;

  constructor(transcript: Transcript) {
    this.#transcript = transcript;
  }

  /** From the receiver's corrections: the hash's key, and R of the rows. */
  next(corrections: Uint8Array): { readonly key: Uint8Array; readonly shift: Uint8Array } {
    const batch = new Uint8Array(8);
    new DataView(batch.buffer).setBigUint64(0, BigInt(this.#batch++), true);
    const bytes = sha256(domain, this.#transcript, batch, corrections);
    return { key: bytes.subarray(0, 16), shift: bytes.subarray(16) };
  }
}

export class SoftSpokenReceiver implements OtReceiver {
  readonly #streams: readonly (readonly Rng[])[];
  readonly #challenges: Challenges;
  readonly #cipher: TweakedCipher;
  readonly #ring: Ring;
  readonly #rng: Rng;

  /**
   * `trees`: all leaves of each. `salt`: 16 bytes, of this direction of this session only. `rng` draws the
   * rows of the check.
   */
  constructor(trees: readonly Leaves[], transcript: Transcript, salt: Uint8Array, ring: Ring, rng: Rng) {
    this.#streams = trees.map((leaves) => leaves.map(streamOf));
    this.#challenges = new Challenges(transcript);
    this.#cipher = new TweakedCipher(salt);
    this.#ring = ring;
    this.#rng = rng;
  }

  extend(choices: Uint8Array): Extension {
    const rows = drawn(choices.length);
    const bytes = rows / 8;
    const packed = new Uint8Array(bytes);
    packed.set(packBits(choices));
    packed.set(this.#rng.bytes(checkRows / 8), bytes - checkRows / 8);
    const trees = this.#streams.length;
    const columns = new Uint8Array(securityBits * bytes);
    const message = new Uint8Array(trees * bytes + proofBytes);
    const columnBytes = columns.length / trees;
    for (const [i, streams] of this.#streams.entries()) {
      const sums = treeSums(this.#ring, streams, bytes);
      columns.set(sums.columns, i * columnBytes);
      addMasked(message, i * bytes, sums.total, packed, 1);
    }
    const { key, shift } = this.#challenges.next(message.subarray(0, trees * bytes));
    message.set(hashColumns(key, packed, 1, this.#ring), trees * bytes);
    const hashes = hashColumns(key, columns, securityBits, this.#ring);
    message.set(sha256(hashes), trees * bytes + hashBytes);
    return { message, rows: rowsOf(this.#ring, columns, shift, choices.length) };
  }

  keys(rows: Uint32Array): Uint32Array<ArrayBuffer> {
    return hashRows(this.#cipher, rows);
  }
}

export class SoftSpokenSender implements OtSender {
  readonly delta: Uint32Array;
  readonly #bits: Uint8Array;
  /** Of each tree the streams of leaf Delta_i xor y at place y; the first is the one it lacks. */
  readonly #streams: readonly (readonly Rng[])[];
  readonly #challenges: Challenges;
  readonly #cipher: TweakedCipher;
  readonly #ring: Ring;
  #failed = false;

  /**
   * `trees`: of each all leaves but the one of Delta's bits (`missingLeaves`); `bits`: Delta, 128 bytes of 0
   * or 1.
   */
  constructor(
    trees: readonly Leaves[],
    bits: Uint8Array,
    transcript: Transcript,
    salt: Uint8Array,
    ring: Ring,
  ) {
    this.#bits = bits.slice();
    this.delta = asWords(packBits(bits));
    const missing = missingLeaves(bits, securityBits / trees.length);
    this.#streams = trees.map((leaves, i) =>
      leaves.map((_, y) => (y === 0 ? nothing : streamOf(leaves[missing[i]! ^ y]!))),
    );
    this.#challenges = new Challenges(transcript);
    this.#cipher = new TweakedCipher(salt);
    this.#ring = ring;
  }

  extend(message: Uint8Array, count: number): Uint32Array {
    const trees = this.#streams.length;
    checkExtension(message, count, securityBits / trees);
    if (this.#failed) throw new ProtocolError('OT extension: the peer was caught before in this session');
    const bytes = drawn(count) / 8;
    const depth = securityBits / trees;
    const columns = new Uint8Array(securityBits * bytes);
    for (const [i, streams] of this.#streams.entries()) {
      const sums = treeSums(this.#ring, streams, bytes);
      const correction = message.subarray(i * bytes, (i + 1) * bytes);
      for (let j = 0; j < depth; j++) {
        const column = depth * i + j;
        const sum = sums.columns.subarray(j * bytes, (j + 1) * bytes);
        addMasked(columns, column * bytes, sum, correction, this.#bits[column]!);
      }
    }
    const { key, shift } = this.#challenges.next(message.subarray(0, trees * bytes));
    this.#check(key, columns, message.subarray(trees * bytes));
    return rowsOf(this.#ring, columns, shift, count);
  }

  #check(key: Uint8Array, columns: Uint8Array, proof: Uint8Array): void {
    const choices = proof.subarray(0, hashBytes);
    const hashes = hashColumns(key, columns, securityBits, this.#ring);
    this.#bits.forEach((bit, j) => {
      for (let b = 0; b < hashBytes; b++) hashes[hashBytes * j + b]! ^= -bit & choices[b]!;
    });
    const expected = sha256(hashes);
    const difference = expected.reduce((sum, byte, i) => sum | (byte ^ proof[hashBytes + i]!), 0);
    if (difference === 0) return;
    this.#failed = true;
    throw new ProtocolError('OT extension: the choices are not the same for all trees');
  }

  keyPairs(rows: Uint32Array): KeyPairs {
    const [k0, k1] = hashRowsWith(this.#cipher, rows, [new Uint32Array(rowWords), this.delta]);
    return { k0: k0!, k1: k1! };
  }
}

/**
 * The leaf of each tree whose number is Delta's bits there: column `depth` i + j is bit j of leaf numbers of
 * tree i.
 */
export function missingLeaves(bits: Uint8Array, depth: number = treeDepth): number[] {
  return Array.from({ length: securityBits / depth }, (_, i) =>
    bits.subarray(depth * i, depth * (i + 1)).reduce((leaf, bit, j) => leaf | (bit << j), 0),
  );
}

/** Throws ProtocolError unless `message` has the length of `count` transfers. */
export function checkExtension(message: Uint8Array, count: number, depth: number = treeDepth): void {
  const expected = extensionBytes(count, depth);
  if (message.byteLength === expected) return;
  throw new ProtocolError(
    `OT extension: expected ${expected} bytes for ${count} transfers, got ${message.byteLength}`,
  );
}

/** The next `bytes` of a tree's streams, added up. */
function treeSums(ring: Ring, streams: readonly Rng[], bytes: number): LeafSums {
  return ring.leafSums(streams.map((stream) => stream.bytes(bytes)));
}

/**
 * Bytes that a stream draws ahead: a call of OpenSSL takes 2 us, and a small layer needs 100 bytes of each of
 * 512 streams.
 */
const aheadBytes = 1024;

/** The bytes of a leaf, in order; what is handed out is read once and not kept. */
function streamOf(leaf: Uint8Array): Rng {
  const stream = prg(leaf);
  let ahead = new Uint8Array();
  return {
    bytes(n) {
      if (n > ahead.length && ahead.length === 0 && n >= aheadBytes) return stream.bytes(n);
      if (n > ahead.length) {
        const rest = ahead;
        ahead = new Uint8Array(Math.max(aheadBytes, n));
        ahead.set(rest);
        ahead.set(stream.bytes(ahead.length - rest.length), rest.length);
      }
      const taken = ahead.subarray(0, n);
      ahead = ahead.subarray(n);
      return taken;
    },
  };
}

/** In the place of the leaf that the sender lacks: its weight is zero. */
const nothing: Rng = { bytes: (n) => new Uint8Array(n) };

function rowsOf(ring: Ring, columns: Uint8Array, shift: Uint8Array, count: number): Uint32Array {
  const rows = ring.transpose128(columns, (8 * columns.length) / securityBits);
  return asWords(ring.addPowers(rows, shift)).subarray(0, rowWords * count);
}

/** target[at ...] = a xor bit b, all of lengths that 4 divides. */
function addMasked(
  target: Uint8Array<ArrayBuffer>,
  at: number,
  a: Uint8Array,
  b: Uint8Array,
  bit: number,
): void {
  const [x, y] = [asWords(a), asWords(b)];
  const to = new Uint32Array(target.buffer, at, x.length);
  const mask = -bit;
  for (let i = 0; i < to.length; i++) to[i] = x[i]! ^ (mask & y[i]!);
}
