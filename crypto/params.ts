import { PlanError } from '../src/shared/errors.ts';

/** BFV parameters as one writes them down; `checkParams` turns them into `Params`. */
export type ParamsLiteral = {
  readonly name: string;
  /** N, coefficients of a polynomial. */
  readonly degree: number;
  /** Sizes of the primes of the ciphertext modulus, those that a response keeps first. */
  readonly primeBits: readonly number[];
  /** Size of the last prime, which SEAL reserves for key switching and this protocol never uses. */
  readonly specialBits: number;
  /** How many of the primes a response still has. */
  readonly kept: number;
  /** A power of two for coefficient encoding, or `count` primes of `bits` bits for one slot a coefficient. */
  readonly plain:
    | { readonly kind: 'power'; readonly bits: number }
    | { readonly kind: 'batching'; readonly bits: number; readonly count: number };
};

declare const checked: unique symbol;
/** Parameters that `checkParams` has let through. */
export type Params = ParamsLiteral & { readonly [checked]: true };

/**
 * The largest log2 of the whole coefficient modulus, special prime included, that leaves 128 bits of classical security with a
 * ternary secret: table 1 of the Homomorphic Encryption Security Standard (Albrecht et al., HomomorphicEncryption.org, 2018), the
 * same that SEAL 4.1 holds in `util/globals.h` and enforces as `sec_level_type::tc128`.
 */
const maxModulusBits: Readonly<Record<number, number>> = {
  1024: 27,
  2048: 54,
  4096: 109,
  8192: 218,
  16384: 438,
  32768: 881,
};

/** Throws PlanError where the parameters are below 128 bits of security or do not fit together. */
export function checkParams(literal: ParamsLiteral): Params {
  const refuse = (reason: string): never => {
    throw new PlanError(`BFV parameters '${literal.name}': ${reason}`);
  };
  const limit = maxModulusBits[literal.degree];
  if (limit === undefined) return refuse(`degree ${literal.degree} is not in the security table`);
  const total = literal.specialBits + sum(literal.primeBits);
  if (total > limit) {
    refuse(`${total} bits of modulus, at most ${limit} are 128-bit secure at degree ${literal.degree}`);
  }
  // Bit packing (crypto/he/bits.ts) takes 48 bits at most; sums of 15 residues stay below 2^53.
  if (literal.primeBits.some((bits) => bits < 16 || bits > 48)) refuse('primes have 16 to 48 bits');
  const tooMany = literal.kept < 1 || literal.kept >= literal.primeBits.length;
  if (tooMany) refuse(`a response keeps ${literal.kept} of ${literal.primeBits.length} primes`);
  const room = keptRoomBits(literal);
  // Never off by two: the rounding of the switch is at most (1 + N) / 2, half a cell above it. And seldom off by one: a wrong
  // coefficient is one unit of one value where t is a power of two, but all slots of a chunk where they are batched.
  const needed = literal.plain.kind === 'batching' ? batchedRoomBits : Math.log2(literal.degree) + 2;
  if (room < needed) {
    refuse(`${room} bits between the kept primes and the plaintexts, ${needed} needed`);
  }
  return literal as Params;
}

/** log2 of q / t, q what a response keeps: the width of a plaintext's cell there. */
function keptRoomBits({ primeBits, kept, plain }: ParamsLiteral): number {
  return sum(primeBits.slice(0, kept)) - plain.bits;
}

/** With roundings of 2^5 in the mean, 2^14 coefficients of a chunk are all right but for 2^-40. */
const batchedRoomBits = 40 + 14 + 5;

/**
 * Probability that the client's share of one coefficient is one unit off because of the rounding at the switch to the kept primes.
 * Uniform noise fills the cell, so a rounding of size x moves x / width of it over an edge. The rounding is that of c0 and, for each
 * of the secret's N ternary coefficients, of c1: uniform in +-1/2, variance 1/12, near enough normal, mean size sqrt(2 / pi) of the
 * deviation. 2^-11.4 for linear layers, 2^-55.8 for products.
 */
export function switchFaultRate(params: Params): number {
  const deviation = Math.sqrt(((2 / 3) * params.degree + 1) / 12);
  return (Math.sqrt(2 / Math.PI) * deviation) / 2 ** keptRoomBits(params);
}

const sum = (bits: readonly number[]) => bits.reduce((total, next) => total + next, 0);

/**
 * Linear layers: plaintexts mod 2^32, 93 bits of ciphertext modulus, 109 with the special prime (40961, the smallest that is 1
 * modulo 2N). A response keeps 47 bits.
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
 * Products of private vectors: two plain primes of 52 bits by CRT, 160 bits of ciphertext modulus, 177 with the special prime
 * (114689, 17 bits). A response keeps 112 bits. crypto/he/product.ts derives the sizes.
 */
export const productParams: Params = checkParams({
  name: 'product',
  degree: 8192,
  primeBits: [38, 37, 37, 48],
  specialBits: 17,
  kept: 3,
  plain: { kind: 'batching', bits: 52, count: 2 },
});
