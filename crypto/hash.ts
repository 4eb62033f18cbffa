import { asBytes, asWords } from './bits.ts';
import { aesEcb } from './platform/platform.ts';
import type { Encrypt } from './platform/platform.ts';

/**
 * The multi-instance tweakable circular-correlation-robust hash of Guo, Katz, Wang, Weng and Yu, 'Better
 * concrete security for half-gates garbling' (CRYPTO 2020), with one AES call per hash:
 *
 *   H(x, i) = AES_{k_i}(sigma(x)) xor sigma(x),   k_i = salt xor i,   sigma(xL, xR) = (xL xor xR, xL)
 *
 * The tweak i is in the key, so that OpenSSL takes thousands of blocks per call. At most `rowsPerKey` rows
 * share a tweak, and the party that offers hashes q and q xor Delta: 2^13 hashes under one key. In the
 * ideal-cipher model p calls of AES then guess a key with probability of about p / 2^115. A key schedule
 * costs 1.4 us, under 1 ns a hash.
 *
 * The salt separates domains: one for each direction of a session.
 */
export const saltBytes = 16;

/** Rows of a direction's sequence that share a key. */
export const rowsPerKey = 4096;

/**
 * AES under the key of the rows at positions `tweak` rowsPerKey to (`tweak` + 1) rowsPerKey - 1. `block` is
 * the block of 128 bits of their keys that is wanted (0 for the first); each has an AES key of its own.
 */
export function rowKey(salt: Uint8Array, tweak: number, block: number): Encrypt {
  if (salt.byteLength !== saltBytes) {
    throw new RangeError(`hash: expected a salt of ${saltBytes} bytes, got ${salt.byteLength}`);
  }
  // Not slice(): that of a Buffer is a view, and the salt would change.
  const key = asWords(new Uint8Array(salt));
  key[0]! ^= tweak;
  key[1]! ^= tweak / 2 ** 32;
  key[2]! ^= block;
  return aesEcb(asBytes(key));
}
