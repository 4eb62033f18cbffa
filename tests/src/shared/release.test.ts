import { expect, test } from 'vitest';
import { release, releaseAll } from '../../../src/shared/release.ts';

test('a released array is empty, and its memory goes back at once', () => {
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 100; i++) release(new Uint8Array(32 * 2 ** 20).fill(1));
  // 3.4 GB in all; a few of them may wait in the allocator.
  expect(process.memoryUsage().rss - before).toBeLessThan(500e6);
  const words = Uint32Array.of(1, 2, 3);
  release(words);
  expect(words).toHaveLength(0);
  release(words);
});

test('parts of larger buffers, shared memory and empty constants stay as they are', () => {
  const whole = Uint8Array.of(1, 2, 3, 4);
  const shared = new Uint8Array(new SharedArrayBuffer(2));
  const empty = new Uint8Array();
  release(whole.subarray(1), shared, empty);
  expect(whole).toEqual(Uint8Array.of(1, 2, 3, 4));
  expect(shared).toHaveLength(2);
  expect(empty.buffer.detached).toBe(false);
});

test('all arrays in a value', () => {
  const [a, b, c] = [Uint8Array.of(1), Uint32Array.of(2), Uint8Array.of(3)];
  releaseAll({ a, list: [b, { c }], name: 'x', none: undefined, nil: null });
  expect([a, b, c].map(({ length }) => length)).toEqual([0, 0, 0]);
});
