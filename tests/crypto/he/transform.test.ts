import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { polynomialStride } from '../../../crypto/he/engine.ts';
import { linearScheme, resetSeal } from '../../../crypto/he/seal.ts';
import type { Scheme } from '../../../crypto/he/seal.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { kernelBench, lifted } from '../../helpers/protocol/linear-kernels.ts';
import { seededRng } from '../../helpers/rng.ts';
import { loadPlaintext, pairs, savePlaintext } from '../../helpers/protocol/seal.ts';

/** Transforms of weights of every size against SEAL's. Up to 14 bits they have a first pass of their own. */
const n = 4096;
const rng = seededRng('transform');
const bench = kernelBench();
const { engine, moduli } = bench;

let scheme: Scheme;
beforeAll(async () => {
  scheme = await linearScheme();
});
afterAll(resetSeal);

/** The residues of SEAL, [3][N]. */
function bySeal(weights: Int32Array): Uint32Array[] {
  using plaintext = loadPlaintext(scheme, pairs(Uint32Array.from(weights)));
  const evaluator = new scheme.seal.Evaluator(scheme.context);
  evaluator.plainTransformToNttInplace(plaintext, scheme.context.firstParmsId());
  const words = savePlaintext(scheme, plaintext);
  return moduli.map((_, i) => Uint32Array.from({ length: n }, (_, k) => words[2 * (i * n + k)]!));
}

/** Those of the kernels, centred, [3][N]. */
function byKernels(weights: Int32Array, bits: number): Uint32Array[] {
  const out = bench.polynomials(3);
  engine.transform((to) => to.set(weights), bits, out);
  return moduli.map((_, i) => engine.words(out + i * polynomialStride).slice());
}

const draws = {
  'all largest': (most: number) => new Int32Array(n).fill(most),
  'all smallest': (most: number) => new Int32Array(n).fill(-most),
  'largest and smallest': (most: number) =>
    Int32Array.from(randomWords(rng, n), (word) => (word & 1 ? most : -most)),
  random: (most: number) => Int32Array.from(randomWords(rng, n), (word) => (word % (2 * most + 1)) - most),
  'a constant': (most: number) => Int32Array.from({ length: n }, (_, i) => (i === 0 ? -most : 0)),
  zeros: () => new Int32Array(n),
};

describe.each([1, 11, 14, 15, 20, 30])('weights of %i bits', (bits) => {
  test.each(Object.entries(draws))("%s: SEAL's residues, centred", (_name, draw) => {
    const weights = draw(2 ** bits - 1);
    const want = bySeal(weights);
    byKernels(weights, bits).forEach((got, i) => {
      const { q } = moduli[i]!;
      expect(lifted(got, q)).toEqual(want[i]);
      expect(got.every((word) => Math.abs(word | 0) <= (q - 1) / 2)).toBe(true);
    });
  });
});

test('what is not written is zero, whatever was transformed before', () => {
  byKernels(draws['all largest'](1023), 10);
  const out = bench.polynomials(3);
  engine.transform((to) => void (to[5] = 7), 10, out);
  const sparse = Int32Array.from({ length: n }, (_, i) => (i === 5 ? 7 : 0));
  bySeal(sparse).forEach((want, i) => {
    const got = engine.words(out + i * polynomialStride).slice();
    expect(lifted(got, moduli[i]!.q)).toEqual(want);
  });
});

test('a residue may be given with its prime added: sums below 2q transform like their residues', () => {
  for (let i = 0; i < 3; i++) {
    const { q } = moduli[i]!;
    const residues = randomWords(rng, n).map((word) => word % q);
    residues.set([0, q - 1]);
    const [plain, lazy] = [bench.of(residues), bench.of(residues.map((r, k) => (k % 2 === 0 ? r : r + q)))];
    bench.ntt(plain, i);
    bench.ntt(lazy, i);
    expect(engine.words(lazy).slice()).toEqual(engine.words(plain).slice());
  }
});

test.each(['plain', 'sum'] as const)('the inverse multiplies by its factor, %s', (scale) => {
  for (let i = 0; i < 3; i++) {
    const { q, [scale]: factor } = moduli[i]!;
    const residues = randomWords(rng, n).map((word) => word % q);
    residues.set([0, q - 1, q - 1]);
    const at = bench.of(residues);
    bench.ntt(at, i);
    bench.intt(at, i, scale);
    // The two passes leave N times the residues.
    const want = residues.map((r) => Number((BigInt(r) * BigInt(n) * BigInt(factor[0])) % BigInt(q)));
    expect(engine.words(at).slice()).toEqual(want);
  }
});
