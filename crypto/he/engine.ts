import type { Rng } from '../../src/shared/random.ts';
import { linearParams } from '../params.ts';
import { prg, prgSeedBytes } from '../prg.ts';
import { growBy, linearKernels } from './kernels.ts';
import type { KernelMemory, LinearKernels } from './kernels.ts';
import { ciphertextModulus, joinMultiplier, linearModuli } from './moduli.ts';
import type { Modulus, Multiplier } from './moduli.ts';

const { degree } = linearParams;
const primes = linearParams.primeBits.length;
const polynomialBytes = 4 * degree;

/**
 * Polynomials lie this far apart. At equal offsets modulo 4,096 the twelve that a sum reads side by side
 * would push each other out of the first-level cache: 5.2 us a product and prime, against 1.8 us.
 */
export const polynomialStride: number = polynomialBytes + 320;

/** A ciphertext in memory: c0 modulo each prime, then c1, centred and in NTT form. */
export const ciphertextSpace: number = 2 * primes * polynomialStride;
/** A polynomial of weights in memory, modulo each prime, centred and in NTT form. */
export const weightSpace: number = primes * polynomialStride;

/** The bytes of a polynomial on the wire, 31 bits a residue. */
export const packedPolynomialBytes: number = (primes * 31 * degree) / 8;
/** A ciphertext of a request: c0 in NTT form, and the seed of c1. */
export const requestCiphertextBytes: number = packedPolynomialBytes + prgSeedBytes;
/** An answer: c1 alone, 40 bits a coefficient. */
export const answerBytes: number = 5 * degree;
/** The words of a secret key: s in NTT form modulo each prime, then floor(2^32 s / q). */
export const secretWords: number = 2 * primes * degree;
/** The words of a public key: p0 in NTT form modulo each prime, then p1; centred. */
export const publicWords: number = 2 * primes * degree;

/** Random words of a seed's expansion: the chance to need more than 256 spare ones is below 2^-1000. */
const expansionWords = primes * degree + 256;
/** Weights that are transformed, and answers that are summed, side by side. */
export const batchWeights = 32;
export const batchAnswers = 8;
/** Random bytes of v: of 1,536 bytes, 820 below 243 are needed. */
export const ternaryBytes = 1536;

/** The scratch of one thread, as addresses. */
type Scratch = ReturnType<typeof layOut>;

function layOut(take: (bytes: number) => number) {
  const polynomials = (count: number) => take(count * polynomialStride);
  return {
    tables: Array.from({ length: primes }, () => take(4 * polynomialBytes)),
    acc: take(8192),
    random: take(Math.max(4 * expansionWords, 2 * polynomialBytes + ternaryBytes)),
    wire: take(Math.max(packedPolynomialBytes, answerBytes)),
    list: take(12 * batchWeights),
    limbs: take(24 * primes),
    reciprocals: take(8 * primes),
    positions: take(polynomialBytes),
    shares: take(polynomialBytes),
    secret: polynomials(2 * primes),
    // Two ciphertexts, and three polynomials of small coefficients.
    first: polynomials(2 * primes),
    second: polynomials(2 * primes),
    signed: polynomials(1),
    error: polynomials(1),
    ternary: polynomials(1),
  };
}

/**
 * BFV's linear layers under SEAL's keys, by the kernels, for one thread: what both parties do, and what a
 * client does. server-engine.ts has the rest, which pages do not load. The formulas are those of linear.ts.
 * Secrets in its scratch stay until they are overwritten or `wipe` is called.
 */
export class LinearEngine {
  protected readonly memory: KernelMemory;
  protected readonly kernels: LinearKernels;
  protected readonly moduli: readonly Modulus[] = linearModuli();
  readonly #join: Multiplier = joinMultiplier();
  protected readonly at: Scratch;
  readonly #bytes: number;
  readonly #start: number;

  constructor(binary: Uint8Array<ArrayBuffer>, memory: KernelMemory) {
    this.memory = memory;
    this.kernels = linearKernels(binary, memory);
    let size = 0;
    const measure = (bytes: number) => (size += (bytes + 63) & ~63) - ((bytes + 63) & ~63);
    layOut(measure);
    this.#bytes = size;
    this.#start = growBy(memory, size);
    size = this.#start;
    this.at = layOut(measure);
    this.moduli.forEach(({ table, limbs, q }, i) => {
      this.words(this.at.tables[i]!, table.length).set(table);
      new BigUint64Array(memory.buffer, this.at.limbs + 24 * i, 3).set(limbs);
      new Float64Array(memory.buffer, this.at.reciprocals + 8 * i, 1)[0] = 1 / q;
    });
  }

  /** Words of the memory. */
  words(at: number, count: number = degree): Uint32Array<SharedArrayBuffer> {
    return new Uint32Array(this.memory.buffer, at, count);
  }

  protected read(at: number, count: number): Uint8Array<SharedArrayBuffer> {
    return new Uint8Array(this.memory.buffer, at, count);
  }

  /** Fills the scratch with zeros, except the tables. */
  wipe(): void {
    const from = this.at.positions;
    this.kernels.clear(from, this.#start + this.#bytes - from);
    this.kernels.clear(this.at.random, this.at.list - this.at.random);
  }

  protected expand(seed: Uint8Array, out: number): void {
    const { random } = this.at;
    this.read(random, 4 * expansionWords).set(prg(seed).bytes(4 * expansionWords));
    let used = 0;
    this.moduli.forEach(({ q }, i) => {
      const left = expansionWords - used;
      const read = this.kernels.uniform(random + 4 * used, left, out + i * polynomialStride, q);
      if (read === 0) throw new Error('linear layers: a seed gave too few residues');
      used += read;
    });
  }

  /** Puts a centred binomial into `error`. */
  protected drawError(rng: Rng): void {
    const { random, error } = this.at;
    this.read(random, 2 * polynomialBytes).set(rng.bytes(2 * polynomialBytes));
    this.kernels.binomial(random, error);
  }

  /** The form of a secret key, `secretWords` words, from its residues in NTT form. */
  secretOf(residues: Uint32Array): Uint32Array<ArrayBuffer> {
    const { first, second } = this.at;
    const words = new Uint32Array(secretWords);
    words.set(residues.subarray(0, primes * degree));
    this.moduli.forEach(({ q }, i) => {
      this.words(first).set(words.subarray(i * degree, (i + 1) * degree));
      this.kernels.quotients(first, second, q);
      words.set(this.words(second), (primes + i) * degree);
    });
    return words;
  }

  /** Does what needs the secret key, and leaves nothing of it behind. */
  withSecret(secret: Uint32Array, work: () => void): void {
    this.useSecret(secret);
    try {
      work();
    } finally {
      this.wipe();
    }
  }

  /** Loads the secret key under which this thread then encrypts and decrypts. */
  useSecret(secret: Uint32Array): void {
    for (let i = 0; i < 2 * primes; i++) {
      const part = secret.subarray(i * degree, (i + 1) * degree);
      this.words(this.at.secret + i * polynomialStride).set(part);
    }
  }

  /** Encrypts words m [N] under the secret key: `requestCiphertextBytes` bytes at `out[at]`. */
  encrypt(m: Uint32Array, rng: Rng, out: Uint8Array, at: number): void {
    const seed = rng.bytes(prgSeedBytes);
    this.#encrypt(m, seed, rng, out, at);
    out.set(seed, at + packedPolynomialBytes);
  }

  /** p0 of a public key whose p1 is the seed's expansion: an encryption of zero, packed. */
  publicPart(seed: Uint8Array, rng: Rng, out: Uint8Array, at: number): void {
    this.#encrypt(new Uint32Array(degree), seed, rng, out, at);
  }

  #encrypt(m: Uint32Array, seed: Uint8Array, rng: Rng, out: Uint8Array, at: number): void {
    const { first, second, signed, error, secret, wire } = this.at;
    this.expand(seed, first);
    this.drawError(prg(rng.bytes(prgSeedBytes)));
    this.words(signed).set(m);
    const low = Number(ciphertextModulus & 0xffff_ffffn);
    this.moduli.forEach(({ q, place }, i) => {
      const [a, s] = [first + i * polynomialStride, secret + i * polynomialStride];
      this.kernels.place(signed, error, second, low, q, ...place);
      this.kernels.ntt(second, this.at.tables[i]!, q);
      this.kernels.subtractProduct(second, a, s, s + primes * polynomialStride, second, q);
      this.kernels.pack31(second, wire + (i * packedPolynomialBytes) / primes);
    });
    out.set(this.read(wire, packedPolynomialBytes), at);
  }

  /** The client's shares at `positions` of the answer at `answer[from]`, a view until the next call. */
  decrypt(answer: Uint8Array, from: number, positions: Uint32Array): Uint32Array {
    const at = this.at;
    this.read(at.wire, answerBytes).set(answer.subarray(from, from + answerBytes));
    const [a, b] = [at.first, at.first + polynomialStride];
    const [m0, m1] = this.moduli as [Modulus, Modulus];
    this.#timesSecret(m0, 0, a);
    this.#timesSecret(m1, 1, b);
    this.words(at.positions, positions.length).set(positions);
    const count = positions.length;
    this.kernels.clientShare(a, b, at.positions, count, at.shares, m0.q, m1.q, ...this.#join);
    return this.words(at.shares, count);
  }

  /** c1' s modulo one prime, from the planes at `wire`. */
  #timesSecret({ q, fold, plain }: Modulus, i: number, out: number): void {
    const { wire, tables, secret } = this.at;
    const s = secret + i * polynomialStride;
    this.kernels.residuesOf40(wire, out, q, fold);
    this.kernels.ntt(out, tables[i]!, q);
    this.kernels.product(out, s, s + primes * polynomialStride, out, q);
    this.kernels.intt(out, tables[i]!, q, ...plain);
  }
}
