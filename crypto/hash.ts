import { ReluctantError } from '../src/shared/errors.ts';
import { asBytes, asWords } from './bits.ts';
import { aesEcb } from './platform/platform.ts';

/**
 * The multi-instance tweakable circular-correlation-robust hash of Guo, Katz, Wang, Weng and Yu, 'Better
 * concrete security for half-gates garbling' (CRYPTO 2020), with one AES call per hash:
 *
 *   H(x, i) = AES_{k_i}(sigma(x)) xor sigma(x),   k_i = salt xor i,   sigma(xL, xR) = (xL xor xR, xL)
 *
 * The tweak i is in the key, so that OpenSSL takes thousands of blocks per call. At most `instancesPerKey`
 * instances share a tweak, and the garbler hashes two labels for each: 2^13 hashes under one key. In the
 * ideal-cipher model p calls of AES then guess a label with probability of about p / 2^115. A key schedule
 * costs 1.4 us through createCipheriv, which is under 1 ns per hash.
 *
 * The salt separates domains: each garbling draws its own, and OT hashing derives one for each direction of a
 * session.
 */
export const instancesPerKey = 4096;

export const saltBytes = 16;

/** Hands out 0, 1, 2 and so on, each once. */
export class Tweaks {
  #next = 0;

  take(): number {
    if (this.#next >= Number.MAX_SAFE_INTEGER)
      throw new ReluctantError('hash: all tweaks of this salt are used; draw another salt');
    return this.#next++;
  }
}

type AesEcb = ReturnType<typeof aesEcb>;

/** Rows of a direction's sequence that share a key: 2^13 hashes at the party that offers. */
export const rowsPerKey = 4096;

/**
 * AES under the key of the rows at positions `tweak` rowsPerKey to (`tweak` + 1) rowsPerKey - 1. `block` is
 * the block of 128 bits of their keys that is wanted (0 for the first); each has an AES key of its own.
 */
export function rowKey(salt: Uint8Array, tweak: number, block: number): AesEcb {
  // Not slice(): that of a Buffer is a view, and the salt would change.
  const key = asWords(new Uint8Array(salt));
  key[0]! ^= tweak;
  key[1]! ^= tweak / 2 ** 32;
  key[2]! ^= block;
  return aesEcb(asBytes(key));
}

/** AES under the keys salt xor 0, salt xor 1 and so on. Each call of `nextKey` takes the next key. */
export class TweakedCipher {
  readonly #salt: Uint32Array;
  readonly #tweaks = new Tweaks();
  /** The ciphers made ahead, in the order of their tweaks. */
  readonly #ahead: AesEcb[] = [];

  constructor(salt: Uint8Array) {
    if (salt.byteLength !== saltBytes) {
      throw new RangeError(`hash: expected a salt of ${saltBytes} bytes, got ${salt.byteLength}`);
    }
    this.#salt = asWords(salt.slice());
  }

  /**
   * AES under the next tweak, for blocks that are already sigma(x). The caller xors the blocks to the result.
   */
  nextKey(): (sigmaBlocks: Uint32Array) => Uint32Array {
    const encrypt = this.#ahead.shift() ?? this.#schedule();
    return (sigmaBlocks) => asWords(encrypt(asBytes(sigmaBlocks)));
  }

  /**
   * Makes the key schedules of the next `count` keys now (1.4 us each), so that nobody waits for them later.
   */
  makeAhead(count: number): this {
    while (this.#ahead.length < count) this.#ahead.push(this.#schedule());
    return this;
  }

  #schedule(): AesEcb {
    const tweak = this.#tweaks.take();
    const key = this.#salt.slice();
    key[0]! ^= tweak;
    key[1]! ^= tweak / 2 ** 32;
    return aesEcb(asBytes(key));
  }
}

/**
 * The low word of H of every row, rows being [count, 4 words]. The tweak changes every `instancesPerKey`
 * rows.
 */
export function hashRows(cipher: TweakedCipher, rows: Uint32Array): Uint32Array<ArrayBuffer> {
  return hashRowsWith(cipher, rows, [new Uint32Array(4)])[0]!;
}

/** The low words of H(row xor offset, i) for each offset, with the same tweaks for all offsets. */
export function hashRowsWith(
  cipher: TweakedCipher,
  rows: Uint32Array,
  offsets: readonly Uint32Array[],
): Uint32Array<ArrayBuffer>[] {
  const count = rows.length / 4;
  const outputs = offsets.map(() => new Uint32Array(count));
  const scratch = new Uint32Array(4 * Math.min(count, instancesPerKey));
  for (let from = 0; from < count; from += instancesPerKey) {
    const size = Math.min(instancesPerKey, count - from);
    const blocks = scratch.subarray(0, 4 * size);
    const encrypt = cipher.nextKey();
    for (const [o, offset] of offsets.entries()) {
      sigma(rows, from, size, offset, blocks);
      lowWords(encrypt(blocks), blocks, outputs[o]!, from);
    }
  }
  return outputs;
}

/** Writes sigma(row xor offset) of `count` rows, from row `from` on, to the start of `out`. */
export function sigma(
  rows: Uint32Array,
  from: number,
  count: number,
  offset: Uint32Array,
  out: Uint32Array,
): void {
  const [d0, d1, d2, d3] = [offset[0]!, offset[1]!, offset[2]!, offset[3]!];
  for (let i = 4 * from, j = 0, end = 4 * count; j < end; i += 4, j += 4) {
    const x0 = rows[i]! ^ d0;
    const x1 = rows[i + 1]! ^ d1;
    out[j] = x0 ^ rows[i + 2]! ^ d2;
    out[j + 1] = x1 ^ rows[i + 3]! ^ d3;
    out[j + 2] = x0;
    out[j + 3] = x1;
  }
}

function lowWords(encrypted: Uint32Array, blocks: Uint32Array, out: Uint32Array, to: number): void {
  for (let i = 0, j = 0; j < blocks.length; i++, j += 4) out[to + i] = encrypted[j]! ^ blocks[j]!;
}
