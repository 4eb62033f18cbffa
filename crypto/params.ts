import { PlanError } from '../src/shared/errors.ts';

/** BFV parameters before they are checked; `checkParams` turns them into `Params`. */
export type ParamsLiteral = {
  readonly name: string;
  /** N, the number of coefficients of a polynomial. */
  readonly degree: number;
  /** Bits of each prime of the ciphertext modulus. */
  readonly primeBits: readonly number[];
  /** Bits of the last prime. SEAL reserves it for key switching, which this protocol never does. */
  readonly specialBits: number;
  /** An answer is c1 alone, rounded to a multiple of Q / 2^answerBits. */
  readonly answerBits: number;
  /** log2 of the plaintext modulus t. */
  readonly plainBits: number;
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
  if (literal.primeBits.some((bits) => bits < 16 || bits > 48))
    refuse(`expected primes of 16 to 48 bits, got ${literal.primeBits.join(', ')}`);
  const kept = literal.answerBits;
  if (!(kept > 0 && kept < sum(literal.primeBits))) {
    refuse(`expected an answer of fewer bits than the modulus, ${sum(literal.primeBits)}, got ${kept}`);
  }
  const room = kept - literal.plainBits;
  // Half a cell above 8 deviations of the rounding rules out an error of two units.
  const needed = Math.ceil(Math.log2(16 * roundingDeviation(literal.degree)));
  if (room < needed) {
    refuse(`expected ${needed} bits between an answer's modulus and the plaintext modulus, got ${room}`);
  }
  return literal as Params;
}

/**
 * The standard deviation of what rounding an answer does to a plaintext, in units of the answer's modulus:
 * the rounding of c0 plus, for each of the secret's N coefficients, two thirds of which are not zero, that of
 * c1. Each is uniform in +-1/2 with variance 1/12.
 */
function roundingDeviation(degree: number): number {
  return Math.sqrt(((2 / 3) * degree + 1) / 12);
}

/**
 * The probability that the rounding of an answer makes the two shares of a coefficient add up to one unit
 * more or less.
 *
 * The value is uniform over a plaintext's cell, so a rounding of size x moves the fraction x / width of it
 * over an edge. The rounding is close to normal and its mean size sqrt(2 / pi) times its deviation. The
 * result is 4.70 % for linear layers, whose cells are 2^8 wide.
 */
export function roundingFaultRate(params: Params): number {
  const width = 2 ** (params.answerBits - params.plainBits);
  return (Math.sqrt(2 / Math.PI) * roundingDeviation(params.degree)) / width;
}

const sum = (bits: readonly number[]) => bits.reduce((total, next) => total + next, 0);

/**
 * Linear layers: plaintexts mod 2^32 and a ciphertext modulus of 93 bits, or 109 with the special prime
 * (40961, the smallest prime that is 1 modulo 2N). An answer is c1 in 40 bits.
 */
export const linearParams: Params = checkParams({
  name: 'linear',
  degree: 4096,
  primeBits: [31, 31, 31],
  specialBits: 16,
  answerBits: 40,
  plainBits: 32,
});
