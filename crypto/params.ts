import { PlanError } from '../src/shared/errors.ts';

/** BFV parameters before they are checked; `checkParams` turns them into `Params`. */
export type ParamsLiteral = {
  readonly name: string;
  /** N, the number of coefficients of a polynomial. */
  readonly degree: number;
  /** Bits of each prime of the ciphertext modulus. The primes that a response keeps come first. */
  readonly primeBits: readonly number[];
  /** Bits of the last prime. SEAL reserves it for key switching, which this protocol never does. */
  readonly specialBits: number;
  /** How many of the primes are left in a response after the modulus switch. */
  readonly kept: number;
  /**
   * The plaintext modulus t: a power of two when values are coefficients, or `count` primes of `bits` bits
   * each when values are slots (batching).
   */
  readonly plain:
    | { readonly kind: 'power'; readonly bits: number }
    | { readonly kind: 'batching'; readonly bits: number; readonly count: number };
};

declare const checked: unique symbol;
/** Parameters that have passed `checkParams`. */
export type Params = ParamsLiteral & { readonly [checked]: true };

/**
 * The most bits that the whole coefficient modulus may have, special prime included, for 128 bits of
 * classical security with a ternary secret: table 1 of the Homomorphic Encryption Security Standard (Albrecht
 * et al., HomomorphicEncryption.org, 2018). SEAL 4.1 has the same table in `util/globals.h` and enforces it
 * as `sec_level_type::tc128`.
 */
const maxModulusBits: Readonly<Record<number, number>> = {
  1024: 27,
  2048: 54,
  4096: 109,
  8192: 218,
  16384: 438,
  32768: 881,
};

/** Throws PlanError when the parameters give less than 128 bits of security or contradict each other. */
export function checkParams(literal: ParamsLiteral): Params {
  const refuse = (reason: string): never => {
    throw new PlanError(`BFV parameters '${literal.name}': ${reason}`);
  };
  const limit = maxModulusBits[literal.degree];
  if (limit === undefined)
    return refuse(`expected a degree of ${Object.keys(maxModulusBits).join(', ')}, got ${literal.degree}`);
  const total = literal.specialBits + sum(literal.primeBits);
  if (total > limit) {
    refuse(
      `expected at most ${limit} bits of modulus for 128-bit security at degree ${literal.degree}, ` +
        `got ${total}`,
    );
  }
  // Bit packing (crypto/he/bits.ts) takes at most 48 bits, and sums of 15 residues stay below 2^53.
  if (literal.primeBits.some((bits) => bits < 16 || bits > 48))
    refuse(`expected primes of 16 to 48 bits, got ${literal.primeBits.join(', ')}`);
  const tooMany = literal.kept < 1 || literal.kept >= literal.primeBits.length;
  if (tooMany) {
    refuse(`expected a response to keep 1 to ${literal.primeBits.length - 1} primes, got ${literal.kept}`);
  }
  const room = keptRoomBits(literal);
  // The rounding of the modulus switch is at most (1 + N) / 2. Half a cell above that rules out an error of
  // two units. An error of one unit is rare: it spoils one value when t is a power of two, but all slots of a
  // chunk when values are batched, so batching needs more room.
  const needed = literal.plain.kind === 'batching' ? batchedRoomBits : Math.log2(literal.degree) + 2;
  if (room < needed) {
    refuse(`expected ${needed} bits between the kept primes and the plaintext modulus, got ${room}`);
  }
  return literal as Params;
}

/** log2 of q / t, where q is the modulus of a response: the width of a plaintext's cell after the switch. */
function keptRoomBits({ primeBits, kept, plain }: ParamsLiteral): number {
  return sum(primeBits.slice(0, kept)) - plain.bits;
}

/**
 * The mean rounding is 2^5, so with this much room all 2^14 coefficients of a chunk are right except with
 * probability 2^-40.
 */
const batchedRoomBits = 40 + 14 + 5;

/**
 * The probability that the rounding of the modulus switch makes one coefficient of the client's share wrong
 * by one unit.
 *
 * The flooded noise is uniform over a plaintext's cell, so a rounding of size x moves the fraction x / width
 * of it over an edge. The rounding is that of c0 plus, for each of the secret's N ternary coefficients, that
 * of c1. Each is uniform in +-1/2 with variance 1/12, so the sum is close to normal and its mean size is
 * sqrt(2 / pi) times its deviation. The result is 2^-11.4 for linear layers and 2^-55.8 for products.
 */
export function switchFaultRate(params: Params): number {
  const deviation = Math.sqrt(((2 / 3) * params.degree + 1) / 12);
  return (Math.sqrt(2 / Math.PI) * deviation) / 2 ** keptRoomBits(params);
}

const sum = (bits: readonly number[]) => bits.reduce((total, next) => total + next, 0);

/**
 * Linear layers: plaintexts mod 2^32 and a ciphertext modulus of 93 bits, or 109 with the special prime
 * (40961, the smallest prime that is 1 modulo 2N). A response keeps 47 bits.
 */
export const linearParams: Params = checkParams({
  name: 'linear',
  degree: 4096,
  primeBits: [47, 46],
  specialBits: 16,
  kept: 1,
  plain: { kind: 'power', bits: 32 },
});

/**
 * Products of private vectors: two plain primes of 52 bits, joined by the Chinese remainder theorem, and a
 * ciphertext modulus of 160 bits, or 177 with the special prime (114689, 17 bits). A response keeps 112 bits.
 * crypto/he/product.ts derives the sizes.
 */
export const productParams: Params = checkParams({
  name: 'product',
  degree: 8192,
  primeBits: [38, 37, 37, 48],
  specialBits: 17,
  kept: 3,
  plain: { kind: 'batching', bits: 52, count: 2 },
});
