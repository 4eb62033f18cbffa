import type { Rng } from '../../src/shared/random.ts';
import { linearParams } from '../params.ts';
import { readWasm } from '../platform/platform.ts';
import { prg, prgSeedBytes } from '../prg.ts';
import {
  answerBytes,
  batchAnswers,
  batchWeights,
  ciphertextSpace,
  LinearEngine,
  packedPolynomialBytes,
  polynomialStride,
  publicWords,
  ternaryBytes,
  weightSpace,
} from './engine.ts';
import { growBy } from './kernels.ts';

const { degree } = linearParams;
const primes = linearParams.primeBits.length;

/** Weights below 2^smallBits have a quicker first pass: `nttSmall`. */
const smallBits = 14;

/** A term of a sum: the addresses of weights and of a ciphertext. */
export type Term = readonly [weights: number, ciphertext: number];

/** The bytes of kernels.wasm. Throws Error when it has not been built. */
export function readLinearKernels(): Promise<Uint8Array<ArrayBuffer>> {
  return readWasm('crypto/he/kernels.wasm');
}

/** What a server does besides: it reads requests, and makes answers of them and its weights. */
export class ServerEngine extends LinearEngine {
  #workspace: { readonly weights: number; readonly sums: number } | undefined;
  #keys = { count: 0, at: 0 };

  #drawTernary(rng: Rng, out: number): void {
    const { random } = this.at;
    do this.read(random, ternaryBytes).set(rng.bytes(ternaryBytes));
    while (this.kernels.ternary(random, ternaryBytes, out) === 0);
  }

  /**
   * Reads a ciphertext whose c1 is the seed's expansion, centred, into `ciphertextSpace` bytes at `out`.
   * Returns false where a residue is not below its prime.
   */
  readCiphertext(bytes: Uint8Array, at: number, seed: Uint8Array, out: number): boolean {
    const { wire } = this.at;
    this.read(wire, packedPolynomialBytes).set(bytes.subarray(at, at + packedPolynomialBytes));
    this.expand(seed, out + primes * polynomialStride);
    let valid = true;
    this.moduli.forEach(({ q }, i) => {
      const c0 = out + i * polynomialStride;
      const packed = wire + (i * packedPolynomialBytes) / primes;
      if (this.kernels.unpack31(packed, c0, q) === 0) valid = false;
      this.kernels.centre(c0, q);
      this.kernels.centre(c0 + primes * polynomialStride, q);
    });
    return valid;
  }

  /** A public key, `publicWords` words, from p0 on the wire and the seed of p1. Undefined as above. */
  readPublic(bytes: Uint8Array, at: number, seed: Uint8Array): Uint32Array<ArrayBuffer> | undefined {
    const { first } = this.at;
    if (!this.readCiphertext(bytes, at, seed, first)) return undefined;
    const words = new Uint32Array(publicWords);
    for (let i = 0; i < 2 * primes; i++) words.set(this.words(first + i * polynomialStride), i * degree);
    return words;
  }

  /** This thread's room for weights without a slot and for sums, made when it is first asked for. */
  workspace(): { readonly weights: number; readonly sums: number } {
    if (this.#workspace === undefined) {
      const weights = growBy(this.memory, batchWeights * weightSpace + batchAnswers * ciphertextSpace);
      this.#workspace = { weights, sums: weights + batchWeights * weightSpace };
    }
    return this.#workspace;
  }

  /** The addresses of public keys, `publicWords` words each, which are loaded for the answers that follow. */
  useKeys(keys: Uint32Array): number[] {
    const count = keys.length / publicWords;
    if (count > this.#keys.count) {
      this.#keys = { count, at: growBy(this.memory, count * ciphertextSpace) };
    }
    const { at } = this.#keys;
    for (let n = 0; n < 2 * primes * count; n++) {
      this.words(at + n * polynomialStride).set(keys.subarray(n * degree, (n + 1) * degree));
    }
    return Array.from({ length: count }, (_, i) => at + i * ciphertextSpace);
  }

  /**
   * Transforms the signed coefficients [N] that `write` puts in place of zeros, |w| < 2^bits, bits <= 30,
   * into `weightSpace` bytes at `out`.
   */
  transform(write: (coefficients: Int32Array) => void, bits: number, out: number): void {
    const { signed } = this.at;
    this.kernels.clear(signed, 4 * degree);
    write(new Int32Array(this.memory.buffer, signed, degree));
    if (bits <= smallBits) this.#transformSmall(signed, out);
    else this.#transformLarge(signed, out);
  }

  #transformSmall(signed: number, out: number): void {
    this.moduli.forEach(({ q }, i) => {
      this.kernels.nttSmall(signed, out + i * polynomialStride, this.at.tables[i]!, q);
    });
  }

  #transformLarge(signed: number, out: number): void {
    this.moduli.forEach(({ q }, i) => {
      const to = out + i * polynomialStride;
      this.kernels.lift(signed, to, q);
      this.kernels.ntt(to, this.at.tables[i]!, q);
      this.kernels.centre(to, q);
    });
  }

  /** The sum of up to `batchWeights` terms, / 2^32, into a ciphertext at `out`; with `more` added to it. */
  multiply(terms: readonly Term[], out: number, more: boolean): void {
    const { list, acc } = this.at;
    const entries = this.words(list, 3 * terms.length);
    this.moduli.forEach(({ q, fold, inverse32 }, i) => {
      const offset = i * polynomialStride;
      terms.forEach(([weights, x], n) => {
        const c0 = x + offset;
        entries[3 * n] = weights + offset;
        entries[3 * n + 1] = c0;
        entries[3 * n + 2] = c0 + primes * polynomialStride;
      });
      const stride = primes * polynomialStride;
      this.kernels.multiplySum(list, terms.length, out + offset, stride, acc, q, fold, inverse32, more);
    });
  }

  /**
   * Finishes an answer, whose sum of products is at `sum`: adds (p0 v, p1 v) for each key and e1, writes c1
   * to `out[at]`, and returns the server's shares at `positions`, a view until the next call.
   */
  answer(
    sum: number,
    keys: readonly number[],
    positions: Uint32Array,
    rng: Rng,
    out: Uint8Array,
    at: number,
  ): Uint32Array {
    const draw = prg(rng.bytes(prgSeedBytes));
    this.#addZero(sum, keys, draw);
    this.drawError(draw);
    const c1 = sum + primes * polynomialStride;
    this.moduli.forEach(({ q, sum: scale, digit }, i) => {
      const offset = i * polynomialStride;
      this.kernels.intt(sum + offset, this.at.tables[i]!, q, ...scale);
      this.kernels.intt(c1 + offset, this.at.tables[i]!, q, ...scale);
      this.kernels.addError(c1 + offset, this.at.error, q, ...digit);
    });
    this.kernels.switchDown(c1, polynomialStride, this.at.wire, this.at.reciprocals);
    out.set(this.read(this.at.wire, answerBytes), at);
    const shares = this.#shares(sum, positions);
    this.kernels.clear(sum, primes * polynomialStride); // c0 tells the shares
    return shares;
  }

  /** Encryptions of zero without their errors: a fresh ternary v for each key. */
  #addZero(sum: number, keys: readonly number[], rng: Rng): void {
    const { ternary, first } = this.at;
    for (const key of keys) {
      this.#drawTernary(rng, ternary);
      this.#transformSmall(ternary, first);
      this.multiply([[first, key]], sum, true);
    }
  }

  #shares(c0: number, positions: Uint32Array): Uint32Array {
    const at = this.at;
    this.words(at.positions, positions.length).set(positions);
    this.kernels.share(c0, polynomialStride, at.positions, positions.length, at.shares, at.limbs);
    return this.words(at.shares, positions.length);
  }
}
