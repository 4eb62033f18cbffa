import type { Rng } from '../../src/shared/random.ts';
import { addFlood } from './flood.ts';
import { loadCiphertext, loadPlaintext, saveCiphertext } from './seal.ts';
import type { Ciphertext, Encryptor, Plaintext, Scheme } from './seal.ts';

/**
 * An encryption of zero under the client's public key with its noise flooded: added to a result it makes c1 pseudorandom (without it
 * c1 is a known linear function of the request's, and the weights are read off by division) and c0's noise independent of the weights.
 */
function floodedZero(scheme: Scheme, encryptor: Encryptor, rng: Rng): Ciphertext {
  using zero = new scheme.seal.Ciphertext();
  encryptor.encryptZero(zero);
  const words = saveCiphertext(scheme, scheme.freshShape, zero);
  addFlood(scheme.flood, words, rng);
  return loadCiphertext(scheme, scheme.freshShape, words);
}

/**
 * What may leave the server: `sum` (in coefficient form; nothing where every weight was zero) plus a flooded encryption of zero plus
 * `mask`, uniform on all N coefficients.
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

/** Residues [2, kept, N] of a ciphertext switched down, in place, to the kept primes: fewer bytes, the same plaintext. */
export function switchDown(scheme: Scheme, ciphertext: Ciphertext): Uint32Array<ArrayBuffer> {
  const { params, evaluator } = scheme;
  for (let primes = params.primeBits.length; primes > params.kept; primes--) {
    evaluator.cipherModSwitchToNextInplace(ciphertext);
  }
  return saveCiphertext(scheme, scheme.keptShape, ciphertext);
}

/** A masking plaintext from coefficients mod 2^32. */
export function maskPlaintext(scheme: Scheme, coefficients: Uint32Array): Plaintext {
  return loadPlaintext(scheme, pairs(coefficients));
}

/** u32 as u64 words, low first. */
export function pairs(values: Uint32Array): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) words[2 * i] = values[i]!;
  return words;
}
