import { expect, test } from 'vitest';
import type { Model } from '../../../models/graph.ts';
import { parameterLayout, pack, partsOf } from '../../../models/train/parameters.ts';
import { sizeOf, tensor } from '../../../models/tensor.ts';
import type { Shape } from '../../../models/tensor.ts';

function modelWith(...shapes: readonly Shape[]): Model {
  const weights = shapes.map((shape, i) => {
    const data = Float32Array.from({ length: sizeOf(shape) }, (_, k) => 100 * i + k);
    return [`w${i}`, tensor(shape, data)] as const;
  });
  return { graph: { name: 'm', inputs: [], outputs: [], nodes: [] }, weights: new Map(weights) };
}

test('parts hold the weights in order, and none more than it may but for one large weight', () => {
  const model = modelWith([2, 2], [3], [5, 4], [1], [2]);
  const layout = parameterLayout(model, [...model.weights.keys()]);
  const parts = partsOf(layout, 7);
  expect(parts.map(({ entries }) => entries.map(({ name }) => name))).toEqual([
    ['w0', 'w1'],
    ['w2'],
    ['w3', 'w4'],
  ]);
  expect(parts.map(({ size }) => size)).toEqual([7, 20, 3]);
  expect(parts.map(({ entries }) => entries.map(({ offset }) => offset))).toEqual([[0, 4], [0], [0, 1]]);
  const joined = parts.flatMap((part) => [...pack(part, model.weights)]);
  expect(joined).toEqual([...pack(layout, model.weights)]);
});
