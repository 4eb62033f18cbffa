import type { Rng } from '../../src/shared/random.ts';

/**
 * Exact arithmetic modulo primes below 2^52, in doubles rather than bigint. A product with a constant is a
 * sum of table look-ups, one per byte of the operand, and no partial sum passes 2^53.
 */
export type Multiplier = { readonly modulus: number; readonly table: Float64Array };

/** A table for x -> constant x mod modulus. */
export function createMultiplier(constant: bigint, modulus: number): Multiplier {
  const q = BigInt(modulus);
  const table = Float64Array.from({ length: 7 * 256 }, (_, i) =>
    Number(((((constant * BigInt(i & 255)) << BigInt(8 * (i >> 8))) % q) + q) % q),
  );
  return { modulus, table };
}

/** constant x mod modulus, exact for 0 <= x < 2^56. */
export function multiply({ modulus, table }: Multiplier, x: number): number {
  const low = x >>> 0;
  const high = (x - low) / 0x1_0000_0000;
  let sum = addModulo(table[low & 255]!, table[256 | ((low >>> 8) & 255)]!, modulus);
  sum = addModulo(sum, table[512 | ((low >>> 16) & 255)]!, modulus);
  sum = addModulo(sum, table[768 | (low >>> 24)]!, modulus);
  sum = addModulo(sum, table[1024 | (high & 255)]!, modulus);
  sum = addModulo(sum, table[1280 | ((high >>> 8) & 255)]!, modulus);
  return addModulo(sum, table[1536 | (high >>> 16)]!, modulus);
}

/** a + b mod modulus, for residues a and b. */
export function addModulo(a: number, b: number, modulus: number): number {
  const sum = a + b;
  return sum >= modulus ? sum - modulus : sum;
}

/** a^-1 modulo a prime, by Fermat's little theorem. */
export function inverse(a: bigint, modulus: bigint): bigint {
  let result = 1n;
  let base = ((a % modulus) + modulus) % modulus;
  for (let exponent = modulus - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % modulus;
    base = (base * base) % modulus;
  }
  return result;
}

/** `count` uniform residues of a 52-bit modulus, as doubles. Drawn by rejection. */
export function uniformResidues(rng: Rng, count: number, modulus: number): Float64Array<ArrayBuffer> {
  const result = new Float64Array(count);
  let filled = 0;
  while (filled < count) {
    const words = new Uint32Array(rng.bytes(8 * (count - filled)).buffer);
    for (let i = 0; i < words.length; i += 2) {
      const value = words[i]! + (words[i + 1]! & 0xfffff) * 0x1_0000_0000;
      if (value < modulus) result[filled++] = value;
    }
  }
  return result;
}
