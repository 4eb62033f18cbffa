import { ProtocolError } from '../../src/shared/errors.ts';
import { asBytes, asWords, packBits } from '../bits.ts';
import { hashRows, hashRowsWith, TweakedCipher } from '../hash.ts';
import { prg } from '../prg.ts';
import type { Rng } from '../../src/shared/random.ts';
import type { SeedPairs } from './base.ts';

/**
 * OT extension of Ishai, Kilian, Nissim and Petrank (CRYPTO 2003), semi-honest, k = 128. The roles are those of the
 * extended transfers: the receiver chooses, and was the sender of the base transfers. Row i of the sender is
 * q_i = t_i xor c_i Delta: correlated OT, which is what free-XOR labels are. The streams move forward only, so that no
 * row comes twice.
 */
/** 128 columns of n bits to n rows of 16 bytes; n a multiple of 128 (`Ring.transpose128`: 13 ns a row, half of plain words). */
export type Transpose = (columns: Uint8Array, n: number) => Uint8Array;

export const securityBits = 128;
export const rowWords = 4;

/** Transfers are padded to whole 128-bit words of each column. */
function padded(count: number): number {
  return Math.ceil(count / 128) * 128;
}

/** Bytes of the receiver's message for `count` transfers. */
export function extensionBytes(count: number): number {
  return (padded(count) / 8) * securityBits;
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
  /** Random OT out of rows [count, 4 words]: k_choice. Sender and receiver call it for the same rows in the same order. */
  keys(rows: Uint32Array): Uint32Array<ArrayBuffer>;
}

export interface OtSender {
  /** 4 words, lowest bit 1 */
  readonly delta: Uint32Array;
  /** q, [count, 4 words]. Throws ProtocolError for a message of a wrong length. */
  extend(message: Uint8Array, count: number): Uint32Array;
  keyPairs(rows: Uint32Array): KeyPairs;
}

export class IknpReceiver implements OtReceiver {
  readonly #streams: readonly (readonly [Rng, Rng])[];
  readonly #cipher: TweakedCipher;
  readonly #transpose: Transpose;

  /** `seeds`: both seeds of each of the 128 base transfers. `salt`: 16 bytes, of this direction of this session only. */
  constructor(seeds: SeedPairs, salt: Uint8Array, transpose: Transpose) {
    if (seeds.length !== securityBits) {
      throw new RangeError(`OT extension: expected ${securityBits} base transfers, got ${seeds.length}`);
    }
    this.#streams = seeds.map(([zero, one]) => [prg(zero), prg(one)] as const);
    this.#cipher = new TweakedCipher(salt);
    this.#transpose = transpose;
  }

  extend(choices: Uint8Array): Extension {
    const count = padded(choices.length);
    const stride = count / 32;
    const columns = new Uint32Array(securityBits * stride);
    const message = new Uint32Array(securityBits * stride);
    const choiceWords = new Uint32Array(stride);
    asBytes(choiceWords).set(packBits(choices));
    for (const [j, [zero, one]] of this.#streams.entries()) {
      const t = asWords(zero.bytes(count / 8));
      columns.set(t, j * stride);
      const g = asWords(one.bytes(count / 8));
      for (let w = 0, at = j * stride; w < stride; w++, at++) message[at] = t[w]! ^ g[w]! ^ choiceWords[w]!;
    }
    return { message: asBytes(message), rows: rowsOf(this.#transpose, columns, count, choices.length) };
  }

  keys(rows: Uint32Array): Uint32Array<ArrayBuffer> {
    return hashRows(this.#cipher, rows);
  }
}

export class IknpSender implements OtSender {
  readonly delta: Uint32Array;
  readonly #streams: readonly Rng[];
  readonly #choices: Uint8Array;
  readonly #cipher: TweakedCipher;
  readonly #transpose: Transpose;

  /** `seeds`: of each base transfer the seed chosen by the bit of Delta, `choices` (128 bytes of 0 or 1). */
  constructor(seeds: readonly Uint8Array[], choices: Uint8Array, salt: Uint8Array, transpose: Transpose) {
    if (seeds.length !== securityBits || choices.length !== securityBits) {
      throw new RangeError(`OT extension: expected ${securityBits} base transfers, got ${seeds.length}`);
    }
    this.#choices = choices.slice();
    this.delta = asWords(packBits(choices));
    this.#streams = seeds.map((seed) => prg(seed));
    this.#cipher = new TweakedCipher(salt);
    this.#transpose = transpose;
  }

  extend(message: Uint8Array, count: number): Uint32Array {
    checkExtension(message, count);
    const size = padded(count);
    const stride = size / 32;
    const u = asWords(message);
    const columns = new Uint32Array(securityBits * stride);
    for (const [j, stream] of this.#streams.entries()) {
      const g = asWords(stream.bytes(size / 8));
      const mask = -this.#choices[j]!;
      for (let w = 0, at = j * stride; w < stride; w++, at++) columns[at] = g[w]! ^ (mask & u[at]!);
    }
    return rowsOf(this.#transpose, columns, size, count);
  }

  keyPairs(rows: Uint32Array): KeyPairs {
    const [k0, k1] = hashRowsWith(this.#cipher, rows, [new Uint32Array(rowWords), this.delta]);
    return { k0: k0!, k1: k1! };
  }
}

/** Throws ProtocolError unless `message` has the length of `count` transfers. */
export function checkExtension(message: Uint8Array, count: number): void {
  if (message.byteLength === extensionBytes(count)) return;
  throw new ProtocolError(
    `OT extension: expected ${extensionBytes(count)} bytes for ${count} transfers, got ${message.byteLength}`,
  );
}

function rowsOf(transpose: Transpose, columns: Uint32Array, paddedCount: number, count: number): Uint32Array {
  return asWords(transpose(asBytes(columns), paddedCount)).subarray(0, rowWords * count);
}
