import { loadCiphertext, saveCiphertext } from '../../crypto/he/seal.ts';
import type { Ciphertext, Scheme } from '../../crypto/he/seal.ts';

/** What a party with the secret key sees of a ciphertext beyond its plaintext, in exact integers. */

/** s, ternary, from its NTT form [primes, N]: an inverse transform of a ciphertext (s, s). */
export function secretCoefficients(of: Scheme, keyWords: Uint32Array): Int8Array {
  const { primes } = of.freshShape;
  const { degree } = of.params;
  const residues = keyWords.slice(0, 2 * primes * degree);
  const both = new Uint32Array(2 * residues.length);
  both.set(residues);
  both.set(residues, residues.length);
  using ciphertext = loadCiphertext(of, { ...of.freshShape, ntt: true }, both);
  of.evaluator.cipherTransformFromNttInplace(ciphertext);
  const words = saveCiphertext(of, of.freshShape, ciphertext);
  return Int8Array.from({ length: degree }, (_, i) => (words[2 * i + 1] === 0 ? words[2 * i]! : -1));
}

/** Residues of polynomial 0 or 1 modulo prime p, as doubles. */
export function residuesOf(of: Scheme, words: Uint32Array, polynomial: 0 | 1, p: number): Float64Array {
  const { degree } = of.params;
  const { primes } = of.freshShape;
  return Float64Array.from({ length: degree }, (_, i) => {
    const at = 2 * ((polynomial * primes + p) * degree + i);
    return words[at]! + words[at + 1]! * 2 ** 32;
  });
}

/** The first `count` coefficients of c0 + c1 s modulo prime p. */
function phase(of: Scheme, words: Uint32Array, s: Int8Array, p: number, count: number): Float64Array {
  const n = of.params.degree;
  const prime = of.primes[p]!;
  const sum = residuesOf(of, words, 0, p).subarray(0, count);
  const c1 = residuesOf(of, words, 1, p);
  for (let j = 0; j < n; j++) {
    const factor = s[j]!;
    if (factor === 0) continue;
    for (let i = 0; i < count; i++) {
      const from = i >= j ? i - j : i - j + n;
      const negative = i >= j === factor < 0;
      const value = sum[i]! + (negative ? prime - c1[from]! : c1[from]!);
      sum[i] = value >= prime ? value - prime : value;
    }
  }
  return sum;
}

/**
 * The distance of the first `count` coefficients of c0 + c1 s from the nearest multiple of Q / t, in units of
 * 1 (doubles).
 */
export function noiseOf(
  of: Scheme,
  ciphertext: Ciphertext,
  s: Int8Array,
  count = of.params.degree,
): number[] {
  const words = saveCiphertext(of, of.freshShape, ciphertext);
  const primes = of.freshPrimes.map(BigInt);
  const phases = primes.map((_, p) => phase(of, words, s, p, count));
  const modulus = primes.reduce((product, prime) => product * prime, 1n);
  const basis = primes.map(
    (prime) => (modulus / prime) * power((modulus / prime) % prime, prime - 2n, prime),
  );
  const t = BigInt(of.plain);
  return Array.from({ length: count }, (_, i) => {
    const value = phases.reduce((sum, residues, p) => sum + BigInt(residues[i]!) * basis[p]!, 0n);
    const scaled = ((value % modulus) * t) % modulus;
    return Number(scaled > modulus / 2n ? scaled - modulus : scaled) / Number(t);
  });
}

function power(base: bigint, exponent: bigint, modulo: bigint): bigint {
  let result = 1n;
  for (let b = base; exponent > 0n; exponent >>= 1n, b = (b * b) % modulo) {
    if (exponent & 1n) result = (result * b) % modulo;
  }
  return result;
}
