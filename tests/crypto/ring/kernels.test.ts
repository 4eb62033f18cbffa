import { expect, test } from 'vitest';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { convolution, directConvolution, randomSpec, weightCount } from '../../helpers/convolution.ts';
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

test('transpose128 moves every bit to its place', () => {
  for (const n of [128, 640]) {
    const columns = seededRng(n).bytes(16 * n);
    const rows = ring.transpose128(columns, n);
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < 128; j++) {
        const bit = (columns[j * (n >> 3) + (i >> 3)]! >> (i & 7)) & 1;
        if (((rows[16 * i + (j >> 3)]! >> (j & 7)) & 1) !== bit) expect.fail(`bit ${i}, ${j} of ${n}`);
      }
    }
  }
  expect(() => ring.transpose128(new Uint8Array(16 * 100), 100)).toThrow(RangeError);
  expect(() => ring.transpose128(new Uint8Array(16 * 127), 128)).toThrow(RangeError);
});

test.each([1, 2, 4, 8])('leafSums: the sums of a tree of depth %d, leaf by leaf', (k) => {
  const rng = seededRng(k);
  const leaves = Array.from({ length: 2 ** k }, () => rng.bytes(48));
  const sum = (chosen: readonly Uint8Array[]) =>
    chosen.reduce((total, leaf) => total.map((byte, i) => byte ^ leaf[i]!), new Uint8Array(48));
  const { total, columns } = ring.leafSums(leaves);
  expect(total).toEqual(sum(leaves));
  for (let j = 0; j < k; j++) {
    expect(columns.slice(48 * j, 48 * (j + 1))).toEqual(sum(leaves.filter((_, x) => (x >> j) & 1)));
  }
  expect(() => ring.leafSums([...leaves, ...leaves, ...leaves])).toThrow(RangeError);
  expect(() => ring.leafSums(leaves.map((leaf) => leaf.subarray(1)))).toThrow(RangeError);
});

test('addPowers: row i takes x^i times the factor, with carries through x^128 = x^7 + x^2 + x + 1', () => {
  const n = 300;
  const factor = seededRng('factor').bytes(16);
  const rows = seededRng('rows').bytes(16 * n);
  const number = (bytes: Uint8Array) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  let power = number(factor);
  const expected = Array.from({ length: n }, (_, i) => {
    const value = number(rows.subarray(16 * i, 16 * i + 16)) ^ power;
    power <<= 1n;
    if (power >> 128n) power ^= (1n << 128n) | 0x87n;
    return value;
  });
  const changed = ring.addPowers(rows, factor);
  expect(expected.map((_, i) => number(changed.subarray(16 * i, 16 * i + 16)))).toEqual(expected);
  expect(() => ring.addPowers(rows, factor.subarray(1))).toThrow(RangeError);
});
