import { expect, test } from 'vitest';
import { addFlood, cellWidth, createFlood } from '../../../crypto/he/flood.ts';
import type { Flood } from '../../../crypto/he/flood.ts';
import { seededRng } from '../../helpers/rng.ts';
import { sixSigma, uniformityZ } from '../../helpers/statistics.ts';

const primes = [140737488273409, 70368743669761];
const plain = 2 ** 32;
const q = primes.map(BigInt) as [bigint, bigint];
const modulus = q[0] * q[1];
const width = cellWidth(primes, plain);
const degree = 4096;

const inverse = power(q[0] % q[1], q[1] - 2n, q[1]);

/** The integer in [-Q/2, Q/2) with these residues. */
function centred([first, second]: bigint[]): bigint {
  const value = first! + q[0] * (((((second! - first!) * inverse) % q[1]) + q[1]) % q[1]);
  return value >= modulus / 2n ? value - modulus : value;
}

function power(base: bigint, exponent: bigint, modulo: bigint): bigint {
  let result = 1n;
  for (let b = base; exponent > 0n; exponent >>= 1n, b = (b * b) % modulo) {
    if (exponent & 1n) result = (result * b) % modulo;
  }
  return result;
}

/** What one draw adds to residues that start at `start`. */
function offsets(flood: Flood, start: readonly number[], seed: string): bigint[] {
  const words = new Uint32Array(4 * degree);
  for (let at = 0; at < 2 * degree; at++) {
    const residue = start[at & 1]! % primes[Math.floor(at / degree)]!;
    words[2 * at] = residue;
    words[2 * at + 1] = residue / 2 ** 32;
  }
  addFlood(flood, words, seededRng(seed));
  return Array.from({ length: degree }, (_, i) => {
    const residues = [0, 1].map((p) => {
      const at = 2 * (p * degree + i);
      const residue = words[at]! + words[at + 1]! * 2 ** 32;
      expect(residue).toBeLessThan(primes[p]!);
      return (BigInt(residue) - BigInt(start[i & 1]! % primes[p]!) + q[p]!) % q[p]!;
    });
    return centred(residues);
  });
}

/** Draws in 64 equal bins of a cell, [-width / 2, width / 2). */
function bins(flood: Flood, draws: number): Uint32Array {
  const counts = new Uint32Array(64);
  for (let i = 0; i < draws; i++) {
    for (const offset of offsets(flood, [5, primes[0]! - 1], `flood ${i}`)) {
      counts[Number(((offset + width / 2n) * 64n) / width)]!++;
    }
  }
  return counts;
}

test('flooding adds one integer to both residues, uniform over a whole cell, edges included', () => {
  const counts = bins(createFlood(degree, primes, width), 16);
  expect(counts).toHaveLength(64);
  expect(uniformityZ(counts)).toBeLessThan(sixSigma);
  // Planted: a thirty-second of the cell left out, as a width of n 256^k would.
  expect(uniformityZ(bins(createFlood(degree, primes, (width * 31n) / 32n), 16))).toBeGreaterThan(sixSigma);
});

test.each([1n, 2n, 255n, 256n, 257n, 65_535n, 65_536n, 70_000n])(
  'every value of a width of %s comes and no other',
  (small) => {
    const flood = createFlood(degree, primes, small);
    const seen = new Set(offsets(flood, [0, 7], `width ${small}`));
    const [low, high] = [-(small / 2n), small - small / 2n - 1n];
    for (const offset of seen) expect(offset >= low && offset <= high).toBe(true);
    // 4,096 draws: each of 257 values is missed with e^-16.
    if (small <= 257n) expect(seen.size).toBe(Number(small));
  },
);

test('the cells of two plaintexts never overlap, and leave less than t of Q between them', () => {
  const t = BigInt(plain);
  const place = (m: bigint) => (modulus / t) * m + ((modulus % t) * m + (t + 1n) / 2n) / t;
  const rng = seededRng('cells');
  for (let i = 0; i < 1000; i++) {
    const m = BigInt(new Uint32Array(rng.bytes(4).buffer)[0]!) % (t - 1n);
    expect(place(m + 1n) - place(m) - width === 0n || place(m + 1n) - place(m) - width === 1n).toBe(true);
  }
  expect(modulus - width * t < t).toBe(true);
});
