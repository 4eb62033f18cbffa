import { describe, expect, test } from 'vitest';
import { packedPolynomialBytes } from '../../../crypto/he/engine.ts';
import { linearModuli } from '../../../crypto/he/moduli.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { centred, kernelBench, lifted } from '../../helpers/protocol/linear-kernels.ts';
import { seededRng } from '../../helpers/rng.ts';

const n = 4096;
const rng = seededRng('sampling');
const bench = kernelBench();
const { engine, kernels, moduli } = bench;

describe('sampling', () => {
  test('the error is the difference of 21 and 21 bits', () => {
    const [random, out] = [bench.room(8 * n), bench.polynomials()];
    const words = randomWords(rng, 2 * n);
    engine.words(random, 2 * n).set(words);
    kernels.binomial(random, out);
    const ones = (word: number) => (word & 0x1f_ffff).toString(2).replaceAll('0', '').length;
    const want = Int32Array.from({ length: n }, (_, i) => ones(words[i]!) - ones(words[n + i]!));
    expect(new Int32Array(engine.words(out).slice().buffer)).toEqual(want);
  });

  test('ternary digits are the base-3 digits of bytes below 243, and no others count', () => {
    const [random, out] = [bench.room(1536), bench.polynomials()];
    const bytes = rng.bytes(1536);
    bytes.set([242, 243, 255, 0, 1]);
    new Uint8Array(bench.memory.buffer, random, 1536).set(bytes);
    expect(kernels.ternary(random, 1536, out)).toBeGreaterThan(0);
    const digits = [...bytes]
      .filter((byte) => byte < 243)
      .flatMap((byte) => [0, 1, 2, 3, 4].map((k) => (Math.floor(byte / 3 ** k) % 3) - 1));
    expect([...new Int32Array(engine.words(out).slice().buffer)]).toEqual(digits.slice(0, n));
    expect(kernels.ternary(random, 700, out)).toBe(0);
  });

  test('uniform residues are the words below q, low 31 bits, and no others', () => {
    const [random, out] = [bench.room(4 * (n + 64)), bench.polynomials()];
    for (const { q } of moduli) {
      const words = randomWords(rng, n + 64);
      for (let i = 0; i < 40; i++) words[7 * i] = i % 2 === 0 ? q + i : 2 ** 31 + q - 1 - i;
      engine.words(random, n + 64).set(words);
      const used = kernels.uniform(random, n + 64, out, q);
      const kept = [...words].map((word) => word & 0x7fff_ffff).filter((word) => word < q);
      expect([...engine.words(out)]).toEqual(kept.slice(0, n));
      expect(used).toBeGreaterThan(n + 15);
      expect(kernels.uniform(random, n - 1, out, q)).toBe(0);
    }
  });
});

test('what is packed is read back, and a residue of q is refused in every row and lane', () => {
  const [x, packed, back] = [bench.polynomials(), bench.room(packedPolynomialBytes), bench.polynomials()];
  for (const { q } of moduli) {
    const values = randomWords(rng, n).map((word) => word % q);
    values.set([0, 1, q - 1, q - 2]);
    engine.words(x).set(values);
    kernels.pack31(x, packed);
    expect(kernels.unpack31(packed, back, q)).toBe(1);
    expect(engine.words(back).slice()).toEqual(values);
    // Groups of 32 vectors of four lanes; the last group too.
    for (const group of [0, n / 128 - 1]) {
      for (let row = 0; row < 32; row++) {
        const at = 128 * group + 4 * row + (row & 3);
        for (const [bad, valid] of [
          [q, 0],
          [2 ** 31 - 1, 0],
          [q - 1, 1],
        ] as const) {
          engine.words(x).set(values);
          engine.words(x)[at] = bad;
          kernels.pack31(x, packed);
          expect(kernels.unpack31(packed, back, q)).toBe(valid);
        }
      }
    }
  }
});

test('centring keeps the residue', () => {
  const { q } = linearModuli()[0]!;
  const values = Uint32Array.of(0, 1, q >> 1, (q >> 1) + 1, q - 1);
  expect(lifted(centred(values, q), q)).toEqual(values);
  const at = bench.of(randomWords(rng, n).map((word, i) => values[i] ?? word % q));
  kernels.centre(at, q);
  expect([...new Int32Array(engine.words(at, 5).slice().buffer)]).toEqual([
    0,
    1,
    q >> 1,
    (q >> 1) + 1 - q,
    -1,
  ]);
});
