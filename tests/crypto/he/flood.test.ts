import { expect, test } from 'vitest';
import { addFlood, createFlood } from '../../../crypto/he/flood.ts';
import { seededRng } from '../../helpers/rng.ts';

const primes = [140737488273409, 70368743669761];
const plain = 2 ** 32;
const q = primes.map(BigInt) as [bigint, bigint];
const modulus = q[0] * q[1];

/** The integer in [-Q/2, Q/2) with these residues. */
function centred(residues: bigint[]): bigint {
  let value = residues[0]!;
  const q0Inverse = power(q[0] % q[1], q[1] - 2n, q[1]);
  value += q[0] * ((((residues[1]! - value) * q0Inverse) % q[1]) + q[1]);
  value %= modulus;
  return value >= modulus / 2n ? value - modulus : value;
}

function power(base: bigint, exponent: bigint, modulo: bigint): bigint {
  let result = 1n;
  for (let b = base; exponent > 0n; exponent >>= 1n, b = (b * b) % modulo) {
    if (exponent & 1n) result = (result * b) % modulo;
  }
  return result;
}

test('flooding adds one integer to both residues, uniform over nearly all of Q / t', () => {
  const degree = 4096;
  const flood = createFlood(degree, primes, plain);
  const words = new Uint32Array(4 * degree);
  const start = [5, primes[0]! - 1];
  for (let p = 0; p < 2; p++) {
    for (let i = 0; i < degree; i++) {
      const residue = start[i & 1]! % primes[p]!;
      words[2 * (p * degree + i)] = residue;
      words[2 * (p * degree + i) + 1] = residue / 2 ** 32;
    }
  }
  addFlood(flood, words, seededRng('flood'));
  const allowed = modulus / BigInt(2 * plain);
  const buckets = new Array<number>(16).fill(0);
  for (let i = 0; i < degree; i++) {
    const residues = [0, 1].map((p) => {
      const at = 2 * (p * degree + i);
      expect(words[at]! + words[at + 1]! * 2 ** 32).toBeLessThan(primes[p]!);
      return BigInt(words[at]!) + (BigInt(words[at + 1]!) << 32n);
    });
    const offset = centred(
      residues.map((residue, p) => (residue - BigInt(start[i & 1]! % primes[p]!) + q[p]!) % q[p]!),
    );
    expect(offset < allowed && offset >= -allowed).toBe(true);
    const bucket = Number(((offset + allowed) * 16n) / (2n * allowed));
    buckets[bucket]!++;
  }
  // 31 / 32 of the range is used, so each inner bucket expects 4096 / 15.5 = 264, deviation 16.
  for (const count of buckets.slice(1, -1)) expect(Math.abs(count - 264)).toBeLessThan(6 * 16);
  expect(buckets[0]! + buckets[15]!).toBeGreaterThan(264 - 6 * 16);
});
