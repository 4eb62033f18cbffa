import { expect, test } from 'vitest';
import { keepHighest } from '../../../../pipelines/reduce/gates/keep.ts';

const maps: Record<string, readonly number[]> = { a: [1, 3], b: [3, 3], c: [] };

function kept(scores: Record<string, readonly number[]>, count: number): Record<string, number[]> {
  const all = new Map(Object.entries(scores).map(([layer, own]) => [layer, Float32Array.from(own)]));
  const found = keepHighest(all, count, (layer) => maps[layer]!);
  return Object.fromEntries(
    [...found].map(([layer, own]) => [layer, [...own].map((replaced) => 1 - replaced)]),
  );
}

test('the highest scores over all layers are kept, as many as asked for', () => {
  expect(kept({ a: [0.5, 0.1, 0.9], c: [0.6, -1] }, 3)).toEqual({ a: [1, 0, 1], c: [1, 0] });
  expect(kept({ a: [0.5, 0.1, 0.9], c: [0.6, -1] }, 0)).toEqual({ a: [0, 0, 0], c: [0, 0] });
});

test('of a channel that does not fit the places nearest to the middle are kept', () => {
  const one = Array.from({ length: 9 }, () => 0.5);
  expect(kept({ b: one }, 5)['b']).toEqual([0, 1, 0, 1, 1, 1, 0, 1, 0]);
});

test('of equal channels the earlier is kept whole before the next is begun', () => {
  const two = Array.from({ length: 18 }, () => 0.5);
  expect(kept({ b: two }, 10)['b']).toEqual([...Array<number>(9).fill(1), 0, 0, 0, 0, 1, 0, 0, 0, 0]);
});

test('more than there are is a RangeError', () => {
  expect(() => kept({ c: [1, 2] }, 3)).toThrow(RangeError);
});
