import { expect, test } from 'vitest';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { randomWords } from '../../../src/shared/random.ts';
import {
  convolution,
  directConvolution,
  randomSpec,
  weightCount,
} from '../../helpers/protocol/convolution.ts';
import { seededRng } from '../../helpers/rng.ts';

const ring = await loadRing();
const signed = (words: Uint32Array<ArrayBuffer>) => new Int32Array(words.buffer);

test('gemm gives a product worked out by hand', () => {
  const a = Int32Array.of(1, -2, 3, 4);
  const b = Uint32Array.of(5, 6, 7, 2 ** 31, 0, 1);
  // [[1, -2], [3, 4]] times [[5, 6, 7], [2^31, 0, 1]]: 2 * 2^31 and 4 * 2^31 vanish.
  expect([...ring.gemm(a, b, 2, 2, 3)]).toEqual([5, 6, 5, 15, 18, 25]);
  expect([...ring.gemm(Int32Array.of(-1), Uint32Array.of(1), 1, 1, 1)]).toEqual([0xffffffff]);
});

test('gemm equals its definition for sizes around the register tile', () => {
  const rng = seededRng('ring gemm');
  for (const [m, k, p] of [
    [1, 1, 1],
    [3, 5, 17],
    [4, 16, 16],
    [5, 9, 33],
    [9, 70, 15],
  ] as const) {
    const a = randomWords(rng, m * k);
    const b = randomWords(rng, k * p);
    const expected = Uint32Array.from({ length: m * p }, (_, at) => {
      let sum = 0;
      for (let i = 0; i < k; i++) {
        sum = (sum + Math.imul(a[Math.floor(at / p) * k + i]!, b[i * p + (at % p)]!)) | 0;
      }
      return sum;
    });
    expect(ring.gemm(a, b, m, k, p), `${m} x ${k} x ${p}`).toEqual(expected);
  }
});

test('conv equals its definition for random shapes', () => {
  const rng = seededRng('ring conv');
  for (let i = 0; i < 300; i++) {
    const spec = randomSpec(rng);
    const input = randomWords(rng, spec.inChannels * spec.height * spec.width);
    const weights = signed(randomWords(rng, weightCount(spec)));
    const bias = signed(randomWords(rng, spec.outChannels));
    expect(ring.conv(spec, weights, input, bias), JSON.stringify(spec)).toEqual(
      directConvolution(spec, weights, input, bias),
    );
  }
});

test('a large call after a small one grows the memory and leaves no residue', () => {
  const rng = seededRng('grow');
  const small = convolution(1, 1, 3, 3);
  const large = convolution(16, 20, 33, 3, 2);
  for (const spec of [small, large, small]) {
    const input = randomWords(rng, spec.inChannels * spec.height * spec.width);
    const weights = signed(randomWords(rng, weightCount(spec)));
    expect(ring.conv(spec, weights, input)).toEqual(directConvolution(spec, weights, input));
  }
});

test('lengths that are not the spec are refused', () => {
  const spec = convolution(2, 3, 4, 3);
  expect(() => ring.conv(spec, new Int32Array(53), new Uint32Array(32))).toThrow(/expected 54, got 53/);
  expect(() => ring.conv(spec, new Int32Array(54), new Uint32Array(31))).toThrow(/expected 32, got 31/);
  expect(() => ring.conv(spec, new Int32Array(54), new Uint32Array(32), new Int32Array(2))).toThrow(
    RangeError,
  );
  expect(() => ring.gemm(new Int32Array(5), new Uint32Array(4), 2, 2, 2)).toThrow(RangeError);
});
