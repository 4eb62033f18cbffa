import { ProtocolError } from '../../src/shared/errors.ts';
import { packedBytes } from '../bits.ts';
import type { Params } from '../params.ts';
import { packResidues, unpackResidues } from './bits.ts';
import type { Scheme } from './seal.ts';
import { polynomialSeedBytes } from './serial.ts';

/**
 * The byte layout of the messages of products. A request's ciphertext is c0, prime by prime, and the seed of
 * c1. A response is c1 and c0, both at the kept primes.
 */

/** The number of bytes of a request's ciphertext. */
export function seededBytes(params: Params): number {
  return polynomialBytes(params.degree, params.primeBits) + polynomialSeedBytes;
}

/** The number of bytes of a response. */
export function responseBytesOf(params: Params): number {
  return 2 * polynomialBytes(params.degree, params.primeBits.slice(0, keptPrimes(params)));
}

/** The number of primes that a response keeps. */
export function keptPrimes({ name, response }: Params): number {
  if (response.kind !== 'switched') throw new Error(`BFV parameters '${name}': a response keeps no primes`);
  return response.kept;
}

function polynomialBytes(count: number, bits: readonly number[]): number {
  return bits.reduce((sum, next) => sum + packedBytes(count, next), 0);
}

/** The bits of each prime of a key, the special one last. */
export function bitsOf(params: Params): readonly number[] {
  return [...params.primeBits, params.specialBits];
}

/** Writes a polynomial [primes, N] from offset `at` on and returns the offset after it. */
export function writePolynomial(
  params: Params,
  primes: number,
  words: Uint32Array,
  out: Uint8Array,
  at: number,
): number {
  const { degree } = params;
  for (let p = 0; p < primes; p++) {
    at = packResidues(words, p * degree, degree, bitsOf(params)[p]!, out, at);
  }
  return at;
}

/**
 * Reads what `writePolynomial` wrote, modulo these primes. Throws ProtocolError when a residue is not below
 * its prime.
 */
export function readPolynomial(
  params: Params,
  primes: readonly number[],
  bytes: Uint8Array,
  at: number,
  what: string,
): Uint32Array {
  const { degree } = params;
  const words = new Uint32Array(2 * primes.length * degree);
  primes.forEach((prime, p) => {
    const bits = bitsOf(params)[p]!;
    if (!unpackResidues(bytes, at, degree, bits, prime, words, p * degree)) {
      throw new ProtocolError(`${what}: expected residues below ${prime}, got a larger one`);
    }
    at += packedBytes(degree, bits);
  });
  return words;
}

/** Writes c0 [primes, N] and the seed of c1, from offset `at` on. */
export function writeSeeded(
  scheme: Scheme,
  c0: Uint32Array,
  seed: Uint8Array,
  out: Uint8Array,
  at: number,
): void {
  out.set(seed, writePolynomial(scheme.params, scheme.freshShape.primes, c0, out, at));
}

/** Reads what `writeSeeded` wrote. Throws ProtocolError as `readPolynomial` does. */
export function readSeeded(
  scheme: Scheme,
  bytes: Uint8Array,
  at: number,
  what: string,
): { c0: Uint32Array; seed: Uint8Array } {
  const { params, freshPrimes } = scheme;
  const c0 = readPolynomial(params, freshPrimes, bytes, at, what);
  const after = at + seededBytes(params);
  return { c0, seed: bytes.slice(after - polynomialSeedBytes, after) };
}

/** Writes a response from a ciphertext's residues [2, kept, N]. */
export function writeResponse(scheme: Scheme, words: Uint32Array, out: Uint8Array, at: number): void {
  const { params } = scheme;
  const kept = keptPrimes(params);
  const half = 2 * kept * params.degree;
  const after = writePolynomial(params, kept, words.subarray(half), out, at);
  writePolynomial(params, kept, words.subarray(0, half), out, after);
}

/** The residues [2, kept, N] of a response. Throws ProtocolError as `readPolynomial` does. */
export function readResponse(scheme: Scheme, bytes: Uint8Array, at: number, what: string): Uint32Array {
  const { params } = scheme;
  const kept = keptPrimes(params);
  const primes = scheme.primes.slice(0, kept);
  const c1 = readPolynomial(params, primes, bytes, at, what);
  const after = at + polynomialBytes(params.degree, params.primeBits.slice(0, kept));
  const c0 = readPolynomial(params, primes, bytes, after, what);
  const words = new Uint32Array(c0.length + c1.length);
  words.set(c0);
  words.set(c1, c0.length);
  return words;
}
