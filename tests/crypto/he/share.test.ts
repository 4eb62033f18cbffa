import { describe, expect, test } from 'vitest';
import { polynomialStride } from '../../../crypto/he/engine.ts';
import { ciphertextModulus as Q } from '../../../crypto/he/moduli.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { kernelBench } from '../../helpers/linear-kernels.ts';
import { seededRng } from '../../helpers/rng.ts';

/** The server's share of an answer, rounded by a kernel. */
const n = 4096;
const rng = seededRng('share');
const bench = kernelBench();
const { engine, kernels, moduli } = bench;
const everywhere = Uint32Array.from({ length: n }, (_, i) => i);

describe("the server's share", () => {
  const digitsOf = (c: bigint) =>
    moduli.map(({ q }) => {
      const big = BigInt(q);
      const hat = (Q / big) % big;
      let inverse = 1n;
      for (let base = hat, e = big - 2n; e > 0n; e >>= 1n, base = (base * base) % big) {
        if (e & 1n) inverse = (inverse * base) % big;
      }
      return Number((c * inverse) % big);
    });

  /** What the kernel gives for integers c of [0, Q). */
  function shares(values: readonly bigint[]): Uint32Array {
    const [y, positions, out, constants] = [
      bench.polynomials(3),
      bench.polynomials(),
      bench.polynomials(),
      bench.room(72),
    ];
    moduli.forEach(({ limbs }, i) =>
      new BigUint64Array(bench.memory.buffer, constants + 24 * i, 3).set(limbs),
    );
    engine.words(positions).set(everywhere);
    values.forEach((c, k) => {
      digitsOf(c).forEach((digit, i) => (engine.words(y + i * polynomialStride)[k] = digit));
    });
    kernels.share(y, polynomialStride, positions, values.length, out, constants);
    return engine.words(out, values.length).slice();
  }

  /** round(2^32 c / Q - 2^-9) mod 2^32, and how far c is above the edge below it, in steps of c. */
  const exact = (c: bigint) => Number((((c << 41n) + 255n * Q) / (512n * Q)) & 0xffff_ffffn);

  test('is the rounded value for any integer', () => {
    const values = Array.from({ length: 1000 }, () => {
      const words = randomWords(rng, 3);
      return ((BigInt(words[0]!) << 64n) + (BigInt(words[1]!) << 32n) + BigInt(words[2]!)) % Q;
    });
    values.push(0n, 1n, Q - 1n, Q / 2n);
    expect([...shares(values)]).toEqual(values.map(exact));
  });

  test('is the rounded value next to edges, but for the last 2^-58 of a unit above one', () => {
    // A unit is 2^61 steps of c: three limbs fall short by less than eight of them.
    const steps = Array.from({ length: 61 }, (_, i) => BigInt(i) - 30n);
    for (let round = 0; round < 20; round++) {
      const k = BigInt(randomWords(rng, 1)[0]! >>> 1) + 1n;
      const edge = (512n * Q * k - 255n * Q + (1n << 41n) - 1n) >> 41n;
      const values = steps.map((step) => edge + step);
      const got = shares(values);
      values.forEach((c, i) => {
        const short = steps[i]! >= 0n && steps[i]! < 8n;
        const allowed = short ? [exact(c), (exact(c) - 1) >>> 0] : [exact(c)];
        expect(allowed).toContain(got[i]);
      });
    }
  });

  test('takes as long for residues that a client crafts to lie at edges as for random ones', () => {
    const random = Array.from({ length: n }, () => {
      const words = randomWords(rng, 3);
      return ((BigInt(words[0]!) << 64n) + (BigInt(words[1]!) << 32n) + BigInt(words[2]!)) % Q;
    });
    // With an exact way out for these, 4,096 of them took 11 times as long.
    const crafted = random.map((_, i) => ((512n * Q * BigInt(i + 1) - 255n * Q) >> 41n) + 1n);
    const [least, most] = [random, crafted].map((values) => {
      const [y, positions, out, constants] = [
        bench.polynomials(3),
        bench.polynomials(),
        bench.polynomials(),
        bench.room(72),
      ];
      moduli.forEach(({ limbs }, i) =>
        new BigUint64Array(bench.memory.buffer, constants + 24 * i, 3).set(limbs),
      );
      engine.words(positions).set(everywhere);
      values.forEach((c, k) => {
        digitsOf(c).forEach((digit, i) => (engine.words(y + i * polynomialStride)[k] = digit));
      });
      let best = Infinity;
      for (let run = 0; run < 300; run++) {
        const start = performance.now();
        kernels.share(y, polynomialStride, positions, n, out, constants);
        best = Math.min(best, performance.now() - start);
      }
      return best;
    }) as [number, number];
    expect(most / least).toBeLessThan(1.3);
    expect(least / most).toBeLessThan(1.3);
  });
});
