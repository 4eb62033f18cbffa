import { expect, test } from 'vitest';
import { mostWithin } from '../../../../pipelines/reduce/hybrid/count-search.ts';

/**
 * A cost of 2 for each that is kept, 10 beside them, and 30 more from 600 on, as where a window takes a bit
 * more.
 */
const cost = (count: number) => 10 + 2 * count + (count >= 600 ? 30 : 0);
const counts = { first: 500, total: 1000, price: 2 };

test.each([
  [500, 10 + 2 * 500],
  [500, 10 + 2 * 314],
  [0, 10 + 2 * 777 + 30],
  [1000, 10 + 2 * 599 + 20],
  [100, 10 + 2 * 600 + 30],
  [1000, 12],
])('from %d on a limit of %d is met from below, to a few', async (first, limit) => {
  const asked: number[] = [];
  const costAt = (count: number) => {
    asked.push(count);
    return Promise.resolve(cost(count));
  };
  const found = (await mostWithin(costAt, { ...counts, first, limit }))!;
  expect(cost(found)).toBeLessThanOrEqual(limit);
  expect(cost(Math.ceil(found * 1.003) + 1)).toBeGreaterThan(limit);
  expect(asked.length).toBeLessThanOrEqual(9);
  expect(asked).toContain(found);
});

test('all where all are cheap enough, none where only that is, and undefined where nothing is', async () => {
  const found = (limit: number) => mostWithin((count) => Promise.resolve(cost(count)), { ...counts, limit });
  expect(await found(1e6)).toBe(1000);
  expect(await found(11)).toBe(0);
  expect(await found(9)).toBeUndefined();
});

test('a price that is far off costs tries, not the limit', async () => {
  for (const price of [0.01, 100]) {
    const found = (await mostWithin((count) => Promise.resolve(cost(count)), {
      ...counts,
      price,
      limit: 700,
    }))!;
    expect(cost(found)).toBeLessThanOrEqual(700);
    expect(cost(found)).toBeGreaterThan(400);
  }
});
