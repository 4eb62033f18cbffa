import type { Rng } from '../../src/shared/random.ts';

/**
 * Noise flooding: a uniform integer of range [-half, range - half) is added to every coefficient of c0, in residues. Its width is
 * what the decryption allows, Q / t, less its edge. The integer is drawn as base-256 digits, and a table a prime holds
 * digit 256^k mod q, so that a residue is a sum of look-ups in doubles: 0.4 ms for N = 4096 and two primes, 10 ms in bigint.
 */
export type Flood = {
  readonly degree: number;
  /** Base-256 digits below the top one. */
  readonly lowDigits: number;
  /** The top digit is uniform in [0, topValues). */
  readonly topValues: number;
  readonly primes: readonly number[];
  /** One a prime, [(lowDigits + 1) * 256]: residue of digit d at place k, minus half the range at the top place. */
  readonly tables: readonly Float64Array[];
};

/** Largest range of the form n 256^k, n < 256, that leaves at least 1 / 64 of Q / t on both sides together. */
export function floodRange(
  primes: readonly number[],
  plain: number,
): { topValues: number; lowDigits: number } {
  const modulus = primes.reduce((product, prime) => product * BigInt(prime), 1n);
  const allowed = (modulus * 63n) / (64n * BigInt(plain));
  const lowDigits = Math.floor((allowed.toString(2).length - 1) / 8);
  // A top place with few values wastes up to half of the range; one place less has up to 256 times as many.
  const topValues = Number(allowed >> BigInt(8 * lowDigits));
  return { topValues, lowDigits };
}

export function createFlood(degree: number, primes: readonly number[], plain: number): Flood {
  const { topValues, lowDigits } = floodRange(primes, plain);
  const half = (BigInt(topValues) << BigInt(8 * lowDigits)) / 2n;
  const tables = primes.map((prime) => {
    const q = BigInt(prime);
    return Float64Array.from({ length: 256 * (lowDigits + 1) }, (_, i) => {
      const place = i >> 8;
      const value = BigInt(i & 255) * 256n ** BigInt(place) - (place === lowDigits ? half : 0n);
      return Number(((value % q) + q) % q);
    });
  });
  return { degree, lowDigits, topValues, primes, tables };
}

/** Adds one draw to c0, the first degree * primes residues of `words`. */
export function addFlood(flood: Flood, words: Uint32Array, rng: Rng): void {
  const { degree, lowDigits } = flood;
  const low = rng.bytes(degree * lowDigits);
  const top = uniformDigits(rng, degree, flood.topValues);
  flood.primes.forEach((prime, p) => {
    const table = flood.tables[p]!;
    for (let i = 0; i < degree; i++) {
      const at = 2 * (p * degree + i);
      // Below 15 terms of 48 bits: exact.
      let sum = words[at]! + words[at + 1]! * 0x1_0000_0000 + table[256 * lowDigits + top[i]!]!;
      for (let k = 0, digit = i * lowDigits; k < lowDigits; k++) sum += table[256 * k + low[digit + k]!]!;
      const residue = reduce(sum, prime);
      words[at] = residue;
      words[at + 1] = residue / 0x1_0000_0000;
    }
  });
}

/** `value` mod `prime` for 0 <= value < 2^53 and a quotient small enough to be off by one at most. */
function reduce(value: number, prime: number): number {
  const rest = value - Math.floor(value / prime) * prime;
  return rest < 0 ? rest + prime : rest >= prime ? rest - prime : rest;
}

/** Uniform in [0, values), values <= 256, by rejection. */
function uniformDigits(rng: Rng, count: number, values: number): Uint8Array {
  const limit = Math.floor(256 / values) * values;
  const digits = new Uint8Array(count);
  let filled = 0;
  while (filled < count) {
    for (const byte of rng.bytes(count - filled + 64)) {
      if (byte < limit && filled < count) digits[filled++] = byte % values;
    }
  }
  return digits;
}
