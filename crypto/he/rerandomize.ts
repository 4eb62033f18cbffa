import type { Rng } from '../../src/shared/random.ts';
import { addFlood } from './flood.ts';
import { loadCiphertext, saveCiphertext } from './seal.ts';
import type { Ciphertext, Encryptor, Plaintext, Scheme } from './seal.ts';

/**
 * An encryption of zero under the client's public key, with its noise flooded. Added to a result it makes c1
 * pseudorandom; without it c1 would be a known linear function of the request's c1, and the weights could be
 * read off by division. The flooding fills the cells that the mask leaves between plaintexts.
 */
function floodedZero(scheme: Scheme, encryptor: Encryptor, rng: Rng): Ciphertext {
  using zero = new scheme.seal.Ciphertext();
  encryptor.encryptZero(zero);
  const words = saveCiphertext(scheme, scheme.freshShape, zero);
  addFlood(scheme.switched!.flood, words, rng);
  return loadCiphertext(scheme, scheme.freshShape, words);
}

/**
 * What may leave the server: `sum` (in coefficient form; undefined when every weight is zero), plus a flooded
 * encryption of zero, plus `mask`, which is uniform on all N coefficients. Mask and flooding together are
 * uniform over Z_Q (`cellWidth` in flood.ts), used once and independent of everything else. So c0 is uniform
 * whatever the weights, the noise and c1 are, even to the owner of the secret key.
 *
 * The price is an inexact share. With s' the server's share, the client decodes round(t (c0 + c1 sk) / Q).
 * That is wrong by one unit when the flooding came within |e| of its cell's edge (noise.ts), and again when
 * it came within the rounding of `switchDown` (`roundingFaultRate` in params.ts).
 */
export function hide(
  scheme: Scheme,
  encryptor: Encryptor,
  sum: Ciphertext | undefined,
  mask: Plaintext,
  rng: Rng,
): Ciphertext {
  const result = floodedZero(scheme, encryptor, rng);
  if (sum !== undefined) scheme.evaluator.addInplace(result, sum);
  scheme.evaluator.addPlainInplace(result, mask);
  return result;
}

/**
 * Switches a ciphertext down to the kept primes, in place, and returns its residues [2, kept, N], which take
 * fewer bytes.
 */
export function switchDown(scheme: Scheme, ciphertext: Ciphertext): Uint32Array<ArrayBuffer> {
  const { shape } = scheme.switched!;
  for (let primes = scheme.freshPrimes.length; primes > shape.primes; primes--) {
    scheme.evaluator.cipherModSwitchToNextInplace(ciphertext);
  }
  return saveCiphertext(scheme, shape, ciphertext);
}

/** u32 values as u64 words, low half first. */
export function pairs(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) words[2 * i] = values[i]!;
  return words;
}
