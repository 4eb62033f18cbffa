import { describe, expect, test } from 'vitest';
import { equaliseRelus } from '../../../models/architectures/relu-equalisation.ts';
import type { StagesToEqualise } from '../../../models/architectures/relu-equalisation.ts';

const names = (solutions: readonly number[][]) => solutions.map((s) => s.join('x'));

test('ResNet18 on CIFAR-100: the four published networks, and no other', () => {
  // DeepReShape (TMLR 2024): S3 > S2 > S4 > S1, hence beta > 4, beta lambda < 16, alpha beta lambda > 64
  const solutions = equaliseRelus({ blocks: [2, 2, 2, 2], order: [3, 2, 4, 1] });
  expect(names(solutions)).toEqual(['5x5x3', '5x7x2', '6x6x2', '7x5x2']);
});

/** All solutions up to `limit`, by trying each, and of them those that no other is below. */
function byForce({ blocks, places, order, least = 2 }: StagesToEqualise, limit: number): number[][] {
  const sizes = blocks.map((phi, k) => phi * (places?.[k] ?? 4 ** (blocks.length - 1 - k)));
  const choices = blocks
    .slice(1)
    .reduce<number[][]>(
      (all) => all.flatMap((s) => Array.from({ length: limit - least + 1 }, (_, i) => [...s, least + i])),
      [[]],
    );
  const solutions = choices.filter((s) => {
    const relus = sizes.map((size, k) => s.slice(0, k).reduce((a, b) => a * b, size));
    return order.every((k, i) => i === 0 || relus[order[i - 1]! - 1]! > relus[k - 1]!);
  });
  const below = (a: number[], b: number[]) => a !== b && a.every((value, i) => value <= b[i]!);
  return solutions.filter((s) => !solutions.some((other) => below(other, s)));
}

describe('by force', () => {
  const orders = [
    [1, 2, 3],
    [1, 3, 2],
    [2, 1, 3],
    [2, 3, 1],
    [3, 1, 2],
    [3, 2, 1],
  ];
  const blocks = [
    [1, 1, 1],
    [2, 3, 2],
    [3, 1, 2],
  ];
  test.each(orders.flatMap((order) => blocks.map((b) => [order, b] as const)))(
    'order %j, blocks %j: every minimal solution up to 60 and none beyond',
    (order, phi) => {
      for (const least of [1, 2]) {
        const stages = { order, blocks: phi, least };
        expect(names(equaliseRelus(stages))).toEqual(names(byForce(stages, 60)));
      }
    },
  );
  test('four stages with maps that do not halve evenly', () => {
    const stages = { order: [3, 1, 4, 2], blocks: [2, 1, 2, 1], places: [225, 64, 16, 4] };
    const solutions = equaliseRelus(stages);
    expect(names(solutions)).toEqual(names(byForce(stages, 24)));
    expect(solutions.length).toBeGreaterThan(0);
  });
});

test('an order that no multipliers give has no solution; one more least multiplier down it has', () => {
  // S2 has phi 4 / 4 = 1 of a_1 S1: two at least
  expect(equaliseRelus({ blocks: [1, 4], order: [1, 2] })).toEqual([]);
  expect(equaliseRelus({ blocks: [1, 3], order: [1, 2], least: 1 })).toEqual([[1]]);
});

test('a single stage has nothing to multiply', () => {
  expect(equaliseRelus({ blocks: [3], order: [1] })).toEqual([[]]);
});

test.each([[[1, 2, 2, 3]], [[1, 2, 3]], [[0, 1, 2, 3]]])('order %j is refused', (order) => {
  expect(() => equaliseRelus({ blocks: [2, 2, 2, 2], order })).toThrow(
    /expected each of the stages S1 to S4 once, got S\d/,
  );
});
