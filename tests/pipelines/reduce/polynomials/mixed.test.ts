import { beforeAll, expect, test } from 'vitest';
import type { Model } from '../../../../models/graph.ts';
import { fit } from '../../../../models/train/fit.ts';
import { methods } from '../../../../pipelines/reduce/methods.ts';
import { linesHeld } from '../../../../pipelines/reduce/polynomials/lines.ts';
import { polynomialError } from '../../../../pipelines/reduce/polynomials/fit.ts';
import { fitOf } from '../../../../pipelines/reduce/polynomials/replace.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

/** The moments of an input that takes these values equally often, and of its ReLU. */
function momentsOf(values: readonly number[]) {
  const mean = (of: (x: number, y: number) => number) =>
    values.reduce((sum, x) => sum + of(x, Math.max(0, x)), 0) / values.length;
  return {
    ...{ x: mean((x) => x), x2: mean((x) => x ** 2), x3: mean((x) => x ** 3), x4: mean((x) => x ** 4) },
    ...{ y: mean((_, y) => y), xy: mean((x, y) => x * y), x2y: mean((x, y) => x ** 2 * y) },
    y2: mean((_, y) => y ** 2),
  };
}

test('a channel gets a quadratic where it is much better than a line, and a line elsewhere', () => {
  const even = momentsOf([-2, -1, 1, 2]); // the ReLU's kink lies in the middle
  const positive = momentsOf([1, 2, 3, 4]); // a line is exact
  const layer = Math.sqrt(even.x2);
  expect(fitOf.mixed(even, layer)).toEqual(fitOf.quadratic(even, layer));
  expect(fitOf.mixed(positive, layer)).toEqual(fitOf.affine(positive, layer));
  expect(fitOf.mixed(positive, layer).c2).toBe(0);
  const small = momentsOf([-0.02, -0.01, 0.01, 0.02]); // its errors are small for the layer
  expect(fitOf.mixed(small, layer).c2).toBe(0);
  const gain =
    polynomialError(even, fitOf.affine(even, layer)) - polynomialError(even, fitOf.quadratic(even, layer));
  expect(gain).toBeGreaterThan(0.02 * layer ** 2);
});

test('bounds hold the zeros of a weight and leave the others free', () => {
  const weights = new Map([
    ['mixed', { shape: [3], data: Float32Array.of(0, 2, 0) }],
    ['squares', { shape: [2], data: Float32Array.of(1, 2) }],
  ]);
  const model = { ...tinyResnet(), weights };
  const held = linesHeld(model, ['mixed', 'squares']);
  expect([...held.keys()]).toEqual(['mixed']);
  const [least, most] = held.get('mixed')!;
  expect([...(most as Float32Array)]).toEqual([0, Infinity, 0]);
  expect([...(least as Float32Array)].map((value) => value + 0)).toEqual([0, -Infinity, 0]);
});

const train = tinyDataset(192, 'train');
const shared = {
  train,
  validation: tinyDataset(90, 'validation'),
  batch: 32,
  seed: 7,
  threads: 1,
  augment: false,
};
let original: Model;
beforeAll(async () => {
  original = (await fit(tinyResnet(), { ...shared, epochs: 6, learningRate: 0.05 })).model;
});

test.each(['autorep', 'deepreduce'] as const)('%s: lines stay lines and quadratics train', async (method) => {
  const options = { ...shared, budget: 0, epochs: 2, searchEpochs: 3, replace: 'mixed' } as const;
  const { model } = await methods[method].reduce(original, options);
  const squares = model.graph.nodes.flatMap(({ op, inputs }) =>
    op === 'MixedActivation' ? [...model.weights.get(inputs[1]!)!.data] : [],
  );
  const lines = squares.filter((c2) => c2 === 0).length;
  expect(lines).toBeGreaterThan(0);
  expect(lines).toBeLessThan(squares.length);
});
