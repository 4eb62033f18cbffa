import { polynomialStride } from '../../../crypto/he/engine.ts';
import { ServerEngine } from '../../../crypto/he/server-engine.ts';
import { createKernelMemory, growBy, linearKernels } from '../../../crypto/he/kernels.ts';
import { ciphertextModulus, linearModuli } from '../../../crypto/he/moduli.ts';
import { inverse } from '../../../crypto/he/modular.ts';
import { linearParams } from '../../../crypto/params.ts';
import { heTools } from './he.ts';

const n = linearParams.degree;

/** An engine, and the kernels themselves on the same memory, to look at what it computed. */
export function kernelBench() {
  const memory = createKernelMemory();
  const engine = new ServerEngine(heTools.heKernels, memory);
  const kernels = linearKernels(heTools.heKernels, memory);
  const moduli = linearModuli();
  const room = (bytes: number) => growBy(memory, bytes);
  const tables = moduli.map(({ table }) => {
    const at = room(4 * table.length);
    engine.words(at, table.length).set(table);
    return at;
  });
  const quotient = room(4 * n);
  /** A polynomial, or several. */
  const polynomials = (count = 1) => room(count * polynomialStride);
  const of = (words: ArrayLike<number>) => {
    const at = polynomials();
    engine.words(at).set(words);
    return at;
  };
  const ntt = (at: number, i: number) => kernels.ntt(at, tables[i]!, moduli[i]!.q);
  const intt = (at: number, i: number, scale: 'plain' | 'sum' = 'plain') =>
    kernels.intt(at, tables[i]!, moduli[i]!.q, ...moduli[i]![scale]);
  /** a b modulo prime i, point by point. */
  const times = (a: number, b: number, i: number): number => {
    const out = polynomials();
    kernels.quotients(b, quotient, moduli[i]!.q);
    kernels.product(a, b, quotient, out, moduli[i]!.q);
    return out;
  };
  return { memory, engine, kernels, moduli, tables, polynomials, room, of, ntt, intt, times };
}

/** Centred residues to those of [0, q), and the reverse. */
export const lifted = (words: Uint32Array, q: number): Uint32Array =>
  words.map((word) => ((word | 0) < 0 ? word + q : word));
export const centred = (words: Uint32Array, q: number): Uint32Array =>
  words.map((word) => (word > q >> 1 ? word - q : word));

/** The integers of [-Q/2, Q/2) with digits y_i = c (Q / q_i)^-1 mod q_i, [3][N]. */
export function joined(digits: readonly Uint32Array[]): bigint[] {
  const hats = linearModuli().map(({ q }) => ciphertextModulus / BigInt(q));
  return Array.from({ length: n }, (_, k) => {
    const c = digits.reduce((sum, y, i) => sum + BigInt(y[k]!) * hats[i]!, 0n) % ciphertextModulus;
    return 2n * c > ciphertextModulus ? c - ciphertextModulus : c;
  });
}

/** The residues modulo prime i of a polynomial of which `digits` are the digits. */
export function residuesOfDigits(digits: Uint32Array, i: number): Uint32Array {
  const q = BigInt(linearModuli()[i]!.q);
  const hat = (ciphertextModulus / q) % q;
  return digits.map((y) => Number((BigInt(y) * hat) % q));
}

/** a^-1 modulo prime i, word by word. */
export function inverses(words: Uint32Array, i: number): Uint32Array {
  const q = BigInt(linearModuli()[i]!.q);
  return words.map((word) => Number(inverse(BigInt(word), q)));
}
