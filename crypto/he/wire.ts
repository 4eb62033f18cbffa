import { ProtocolError } from '../../src/shared/errors.ts';
import { packedBytes } from '../bits.ts';
import type { Params } from '../params.ts';
import { packResidues, unpackResidues } from './bits.ts';
import { outputCount, outputsOf } from './pack.ts';
import type { Layout } from './pack.ts';
import type { Scheme } from './seal.ts';
import { polynomialSeedBytes } from './serial.ts';

/**
 * The byte layout of every homomorphic message. A seeded ciphertext or public key is c0, prime by prime, and
 * the seed of c1. A response is the whole of c1 and the wanted coefficients of c0, both at the kept primes.
 */

/** The number of bytes of a fresh ciphertext: c0 and a seed. */
export function seededBytes(params: Params): number {
  return polynomialBytes(params.degree, params.primeBits) + polynomialSeedBytes;
}

/** The number of bytes of a public key: c0 with the special prime, and a seed. */
export function keyBytes(params: Params): number {
  return polynomialBytes(params.degree, [...params.primeBits, params.specialBits]) + polynomialSeedBytes;
}

/** The number of bytes of a response with `count` coefficients of c0. */
export function responseBytesFor(params: Params, count: number): number {
  const kept = params.primeBits.slice(0, params.kept);
  return polynomialBytes(params.degree, kept) + polynomialBytes(count, kept);
}

function polynomialBytes(count: number, bits: readonly number[]): number {
  return bits.reduce((sum, next) => sum + packedBytes(count, next), 0);
}

/** The offsets of a linear response's ciphertexts, and its length as the last entry. */
export function linearResponseOffsets(layout: Layout, params: Params): Uint32Array {
  const offsets = new Uint32Array(outputCount(layout) + 1);
  for (let i = 0; i + 1 < offsets.length; i++) {
    offsets[i + 1] = offsets[i]! + responseBytesFor(params, outputsOf(layout, i).positions.length);
  }
  return offsets;
}

function bitsOf(params: Params): readonly number[] {
  return [...params.primeBits, params.specialBits];
}

/** Writes c0 [primes, N] and the seed, from offset `at` on. */
export function writeSeeded(
  scheme: Scheme,
  primes: number,
  c0: Uint32Array,
  seed: Uint8Array,
  out: Uint8Array,
  at: number,
): void {
  const { degree } = scheme.params;
  for (let p = 0; p < primes; p++)
    at = packResidues(c0, p * degree, degree, bitsOf(scheme.params)[p]!, out, at);
  out.set(seed, at);
}

/**
 * Reads what `writeSeeded` wrote, modulo these primes. Throws ProtocolError when a residue is not below its
 * prime.
 */
export function readSeeded(
  params: Params,
  primes: readonly number[],
  bytes: Uint8Array,
  at: number,
  what: string,
): { c0: Uint32Array; seed: Uint8Array } {
  const { degree } = params;
  const c0 = new Uint32Array(2 * primes.length * degree);
  primes.forEach((prime, p) => {
    const bits = bitsOf(params)[p]!;
    expectResidues(unpackResidues(bytes, at, degree, bits, prime, c0, p * degree), what, prime);
    at += packedBytes(degree, bits);
  });
  return { c0, seed: bytes.slice(at, at + polynomialSeedBytes) };
}

function expectResidues(valid: boolean, what: string, prime: number): void {
  if (!valid) throw new ProtocolError(`${what}: expected residues below ${prime}, got a larger one`);
}

/**
 * Writes a response from a ciphertext's residues [2, kept, N]. `positions` are the coefficients of c0 that
 * are sent.
 */
export function writeResponse(
  scheme: Scheme,
  words: Uint32Array,
  positions: Uint32Array,
  out: Uint8Array,
  at: number,
): void {
  const { degree, kept, primeBits } = scheme.params;
  for (let p = 0; p < kept; p++) {
    at = packResidues(words, (kept + p) * degree, degree, primeBits[p]!, out, at);
  }
  const picked = new Uint32Array(2 * positions.length);
  for (let p = 0; p < kept; p++) {
    for (let n = 0; n < positions.length; n++) {
      const from = 2 * (p * degree + positions[n]!);
      picked[2 * n] = words[from]!;
      picked[2 * n + 1] = words[from + 1]!;
    }
    at = packResidues(picked, 0, positions.length, primeBits[p]!, out, at);
  }
}

/**
 * The residues [2, kept, N] of a response, zero where c0 was not sent. Throws ProtocolError as `readSeeded`
 * does.
 */
export function readResponse(
  scheme: Scheme,
  positions: Uint32Array,
  bytes: Uint8Array,
  at: number,
  what: string,
): Uint32Array {
  const { degree, kept, primeBits } = scheme.params;
  const words = new Uint32Array(4 * kept * degree);
  const picked = new Uint32Array(2 * positions.length);
  const read = (count: number, p: number, target: Uint32Array, first: number) => {
    const prime = scheme.primes[p]!;
    expectResidues(unpackResidues(bytes, at, count, primeBits[p]!, prime, target, first), what, prime);
    at += packedBytes(count, primeBits[p]!);
  };
  for (let p = 0; p < kept; p++) read(degree, p, words, (kept + p) * degree);
  for (let p = 0; p < kept; p++) {
    read(positions.length, p, picked, 0);
    for (let n = 0; n < positions.length; n++) {
      const to = 2 * (p * degree + positions[n]!);
      words[to] = picked[2 * n]!;
      words[to + 1] = picked[2 * n + 1]!;
    }
  }
  return words;
}
