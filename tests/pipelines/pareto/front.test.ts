import { expect, test } from 'vitest';
import { paretoFront } from '../../../pipelines/pareto/front.ts';

const frontOf = (...points: readonly (readonly number[])[]) => paretoFront(points, (costs) => costs);

test('a point that another beats in one cost without losing in the other is not on the front', () => {
  expect(frontOf([1, 5], [2, 4], [3, 4.5], [4, 1])).toEqual([
    [1, 5],
    [2, 4],
    [4, 1],
  ]);
});

test('of two that tie in one cost, the other cost decides', () => {
  expect(frontOf([1, 2], [1, 3], [2, 2])).toEqual([[1, 2]]);
});

test('duplicates are all on the front, or none is', () => {
  const [a, b, c, d] = [{ cost: 1 }, { cost: 1 }, { cost: 2 }, { cost: 2 }] as const;
  const front = paretoFront([a, b, c, d], ({ cost }) => [cost, -cost]);
  expect(front).toHaveLength(4);
  expect(paretoFront([c, a, d, b], ({ cost }) => [cost, cost])).toEqual([a, b]);
});

test('in one dimension the front is the least', () => {
  expect(frontOf([3], [1], [2], [1])).toEqual([[1], [1]]);
});

test('in three dimensions a point stays that is best in none but beaten by none', () => {
  expect(frontOf([0, 2, 2], [2, 0, 2], [2, 2, 0], [1, 1, 1], [1, 1, 2])).toEqual([
    [0, 2, 2],
    [2, 0, 2],
    [2, 2, 0],
    [1, 1, 1],
  ]);
});

test('no points have no front; one point is its own', () => {
  expect(frontOf()).toEqual([]);
  expect(frontOf([5, 5])).toEqual([[5, 5]]);
});
