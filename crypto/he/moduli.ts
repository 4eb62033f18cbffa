import { linearParams } from '../params.ts';
import { inverse } from './modular.ts';

/**
 * The primes of linear layers as the kernels need them. They are those that SEAL's CoeffModulus.Create gives
 * for three primes of 31 bits: the largest below 2^31 that are 1 modulo 2N, in this order (a test compares).
 */
const values = [2_147_295_233, 2_147_352_577, 2_147_377_153] as const;

/** A multiplier w and floor(2^32 w / q), for the kernels' multiplication. */
export type Multiplier = readonly [number, number];

export type Modulus = {
  readonly q: number;
  /** 2^32 mod q, below 2^22, and q^-1 mod 2^32. */
  readonly fold: number;
  readonly inverse32: number;
  /** 2^-32: the placement of plaintexts. */
  readonly place: Multiplier;
  /** (Q / q)^-1: digits of the Chinese remainder theorem. */
  readonly digit: Multiplier;
  /** The end of an inverse transform: 1 / N, and 2^32 (Q / q)^-1 / N after a sum of products. */
  readonly plain: Multiplier;
  readonly sum: Multiplier;
  /** The transform's table, [4N]: see `ntt` in kernels.as.ts. */
  readonly table: Uint32Array;
  /** 2^62 / q, with its next 31 bits and 31 more: see `share` in kernels.as.ts. */
  readonly limbs: readonly [bigint, bigint, bigint];
};

const { degree } = linearParams;

/** Q, the modulus of ciphertexts. */
export const ciphertextModulus: bigint = values.reduce((product, q) => product * BigInt(q), 1n);

let made: readonly Modulus[] | undefined;

/** The three moduli. Made once per thread, in some 20 ms. */
export function linearModuli(): readonly Modulus[] {
  made ??= values.map((q) => createModulus(BigInt(q)));
  return made;
}

/** q0^-1 mod q1, with which the client joins residues. */
export function joinMultiplier(): Multiplier {
  const [q0, q1] = [BigInt(values[0]), BigInt(values[1])];
  return multiplier(inverse(q0, q1), q1);
}

function createModulus(q: bigint): Modulus {
  const digit = inverse(ciphertextModulus / q, q);
  const perDegree = inverse(BigInt(degree), q);
  const high = (1n << 62n) / q;
  const middle = (1n << 93n) / q;
  const low = (1n << 124n) / q;
  return {
    q: Number(q),
    fold: Number((1n << 32n) % q),
    inverse32: inverse32(Number(q)),
    place: multiplier(inverse(1n << 32n, q), q),
    digit: multiplier(digit, q),
    plain: multiplier(perDegree, q),
    sum: multiplier(perDegree * digit * (1n << 32n), q),
    table: transformTable(q),
    limbs: [high, middle - (high << 31n), low - (middle << 31n)],
  };
}

function multiplier(value: bigint, q: bigint): Multiplier {
  const w = value % q;
  return [Number(w), Number((w << 32n) / q)];
}

/** q^-1 mod 2^32 of an odd q: Newton's iteration doubles the right bits, of which q itself has three. */
function inverse32(q: number): number {
  let x = q;
  for (let i = 0; i < 4; i++) x = Math.imul(x, 2 - Math.imul(q, x));
  return x >>> 0;
}

function transformTable(q: bigint): Uint32Array {
  const root = smallestRoot(q);
  const back = inverse(root, q);
  const table = new Uint32Array(4 * degree);
  let [forward, backward] = [1n, 1n];
  for (let i = 0; i < degree; i++) {
    const at = reversed(i);
    [table[at], table[at + degree]] = multiplier(forward, q);
    [table[at + 2 * degree], table[at + 3 * degree]] = multiplier(backward, q);
    forward = (forward * root) % q;
    backward = (backward * back) % q;
  }
  return table;
}

/** SEAL's root: the smallest primitive 2N-th root of unity. */
function smallestRoot(q: bigint): bigint {
  const order = BigInt(2 * degree);
  let root = 0n;
  for (let g = 2n; power(root, order / 2n, q) !== q - 1n; g++) root = power(g, (q - 1n) / order, q);
  const square = (root * root) % q;
  let smallest = root;
  for (let i = 0, current = root; i < degree; i++) {
    if (current < smallest) smallest = current;
    current = (current * square) % q;
  }
  return smallest;
}

function power(base: bigint, exponent: bigint, q: bigint): bigint {
  let result = 1n;
  for (let square = base; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * square) % q;
    square = (square * square) % q;
  }
  return result;
}

/** The log2 N bits of i in reverse. */
function reversed(i: number): number {
  let result = 0;
  for (let bit = 1, other = degree >> 1; bit < degree; bit <<= 1, other >>= 1) if (i & bit) result |= other;
  return result;
}
