import type { Rng } from '../../src/shared/random.ts';

/**
 * Noise flooding: adds a uniform integer from [-half, width - half) to every coefficient of c0, in residues.
 * When the width is that of a whole cell, floor(Q / t), and the plaintext mask is uniform, c0 becomes uniform
 * over Z_Q (see `cellWidth`).
 *
 * The integer is drawn as base-256 digits. A table per prime holds digit 256^k mod q, so a residue is a sum
 * of look-ups in doubles: 0.4 ms for N = 4096 and two primes, against 10 ms with bigint.
 */
export type Flood = {
  readonly degree: number;
  /** The base-256 digits of the width, low digit first. A draw has as many digits. */
  readonly width: Uint8Array;
  readonly primes: readonly number[];
  /**
   * One table per prime, [digits * 256]: the residue of digit d at place k. The top place has half the width
   * subtracted.
   */
  readonly tables: readonly Float64Array[];
};

/**
 * floor(Q / t), the number of integers of Z_Q that belong to one plaintext (some plaintexts have one more).
 *
 * SEAL puts plaintext m at floor(Q / t) m + floor(((Q mod t) m + floor((t + 1) / 2)) / t), so neighbours are
 * floor(Q / t) or one more apart. A uniform m plus a uniform number of this width therefore never gives the
 * same integer in two ways, and it misses only Q mod t < t of the Q integers. The sum is within t / Q of
 * uniform: 2^-61 per coefficient of linear layers, 2^-108 of products.
 */
export function cellWidth(primes: readonly number[], plain: number): bigint {
  const modulus = primes.reduce((product, prime) => product * BigInt(prime), 1n);
  return modulus / BigInt(plain);
}

export function createFlood(degree: number, primes: readonly number[], width: bigint): Flood {
  const digits = Math.ceil(width.toString(16).length / 2);
  const top = digits - 1;
  const tables = primes.map((prime) => {
    const q = BigInt(prime);
    return Float64Array.from({ length: 256 * digits }, (_, i) => {
      const place = i >> 8;
      const value = BigInt(i & 255) * 256n ** BigInt(place) - (place === top ? width / 2n : 0n);
      return Number(((value % q) + q) % q);
    });
  });
  const widthDigits = Uint8Array.from({ length: digits }, (_, k) => Number((width >> BigInt(8 * k)) & 255n));
  return { degree, width: widthDigits, primes, tables };
}

/** Adds one draw per coefficient to c0, the first degree * primes residues of `words`. */
export function addFlood(flood: Flood, words: Uint32Array, rng: Rng): void {
  const { degree } = flood;
  const places = flood.width.length;
  const digits = drawBelow(flood.width, degree, rng);
  flood.primes.forEach((prime, p) => {
    const table = flood.tables[p]!;
    for (let i = 0; i < degree; i++) {
      const at = 2 * (p * degree + i);
      // At most 15 terms of 48 bits are added, so the sum is exact.
      let sum = words[at]! + words[at + 1]! * 0x1_0000_0000;
      for (let k = 0, digit = i * places; k < places; k++) sum += table[256 * k + digits[digit + k]!]!;
      const residue = reduce(sum, prime);
      words[at] = residue;
      words[at + 1] = residue / 0x1_0000_0000;
    }
  });
}

/** `value` mod `prime`, for 0 <= value < 2^53. The rounded quotient is off by one at most. */
function reduce(value: number, prime: number): number {
  const rest = value - Math.floor(value / prime) * prime;
  return rest < 0 ? rest + prime : rest >= prime ? rest - prime : rest;
}

/**
 * `count` uniform integers below `limit`, as base-256 digits [count, limit.length], low digit first. Drawn by
 * rejection.
 */
function drawBelow(limit: Uint8Array, count: number, rng: Rng): Uint8Array {
  const places = limit.length;
  const drawn = new Uint8Array(count * places);
  for (let filled = 0; filled < count;) {
    const bytes = rng.bytes((count - filled) * places);
    const tops = uniformDigits(rng, count - filled, limit[places - 1]! + 1);
    let kept = 0;
    for (let i = 0; i < tops.length; i++) {
      const at = i * places;
      bytes[at + places - 1] = tops[i]!;
      if (isBelow(bytes, at, limit)) bytes.copyWithin(places * kept++, at, at + places);
    }
    drawn.set(bytes.subarray(0, kept * places), filled * places);
    filled += kept;
  }
  return drawn;
}

function isBelow(digits: Uint8Array, at: number, limit: Uint8Array): boolean {
  for (let k = limit.length - 1; k >= 0; k--) {
    const digit = digits[at + k]!;
    if (digit !== limit[k]!) return digit < limit[k]!;
  }
  return false;
}

/** `count` uniform integers in [0, values), where values <= 256. Drawn by rejection. */
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
