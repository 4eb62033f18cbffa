import { expect, test } from 'vitest';
import { permutation, seededRng, seededUniform } from '../../../models/data/seeded.ts';

/**
 * 99.9 % quantile of chi squared with 9 degrees of freedom; the seeds are fixed, so the test does not
 * flicker.
 */
const limit = 27.9;

function chiSquared(counts: readonly number[]): number {
  const expected = counts.reduce((a, b) => a + b, 0) / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

test('numbers fill [0, 1) evenly, and so do pairs of streams', () => {
  const counts = new Array<number>(10).fill(0);
  const differences = new Array<number>(10).fill(0);
  const [a, b] = [seededUniform(3, 0), seededUniform(3, 1)];
  for (let i = 0; i < 10_000; i++) {
    const [x, y] = [a(), b()];
    counts[Math.floor(10 * x)]!++;
    differences[Math.floor(10 * ((x - y + 1) % 1))]!++;
  }
  expect(chiSquared(counts)).toBeLessThan(limit);
  expect(chiSquared(differences)).toBeLessThan(limit);
});

test('seed and stream fix the numbers', () => {
  const first = (seed: number, stream: number) => seededUniform(seed, stream)();
  expect(first(1, 0)).toBe(first(1, 0));
  expect(new Set([first(1, 0), first(2, 0), first(1, 1), first(2 ** 32 + 1, 0)]).size).toBe(4);
});

test('a permutation has each number once; all orders of three come alike', () => {
  expect([...permutation(100, seededUniform(5))].sort((a, b) => a - b)).toEqual([...Array(100).keys()]);
  const uniform = seededUniform(6);
  const counts = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const key = permutation(3, uniform).join('');
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  expect(counts.size).toBe(6);
  expect(chiSquared([...counts.values()])).toBeLessThan(limit);
});

test("a seed's words stay what they are: files of networks and recorded sweeps are made again from seeds", () => {
  const words = (seed: number, stream: number) => {
    const uniform = seededUniform(seed, stream);
    return Array.from({ length: 3 }, () => uniform() * 2 ** 32);
  };
  expect(words(1, 0)).toEqual([441792574, 614447336, 1644328534]);
  expect(words(-5, 3)).toEqual([3596104762, 3894987458, 981070641]);
  expect(words(2 ** 40 + 9, 2 ** 31)).toEqual([1163005424, 1205592585, 1453829430]);
});

test('bytes are the highest bits of the words', () => {
  const uniform = seededUniform(4, 2);
  expect([...seededRng(4, 2).bytes(1000)]).toEqual(
    Array.from({ length: 1000 }, () => Math.floor(256 * uniform())),
  );
});

test('bytes for initial weights', () => {
  const bytes = seededRng(1).bytes(1000);
  expect(bytes).toEqual(seededRng(1).bytes(1000));
  expect(new Set(bytes).size).toBeGreaterThan(200);
});
