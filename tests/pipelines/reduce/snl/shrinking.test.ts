import { expect, test } from 'vitest';
import { sizeOf, tensor } from '../../../../models/tensor.ts';
import type { Model } from '../../../../models/graph.ts';
import { gateWeights, gatePlaces, withGates } from '../../../../pipelines/reduce/gates/gates.ts';
import { layerStates } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { amountFor, shrinkingAlphas } from '../../../../pipelines/reduce/snl/shrinking.ts';
import { tinyResnet } from '../../../helpers/networks.ts';

test('the amount brings the sum of what is left in [0, 1] down to the one asked for', () => {
  const all = [
    { places: 1, alpha: tensor([3], Float32Array.of(1.5, 0.5, 0.25)) },
    { places: 4, alpha: tensor([2], Float32Array.of(0.75, -0.5)) },
  ];
  // by 0.25: 1 + 0.25 + 0, and 4 * 0.5 + 0
  expect(amountFor(all, 3.25)).toBeCloseTo(0.25, 6);
  expect(amountFor(all, 100)).toBe(0);
  expect(amountFor(all, 0)).toBeCloseTo(1.5, 6);
});

const sample = { images: new Float32Array(128).fill(0.5), n: 1, threads: 1 };
const sumOf = (model: Model): number =>
  gatePlaces(model).reduce((sum, { layer, places }) => {
    return sum + places * model.weights.get(gateWeights(layer).gate)!.data.reduce((a, b) => a + b, 0);
  }, 0);

test.each(['pixel', 'channel'] as const)(
  'by %s: the sum of alphas falls in a line to the budget, and a controller that was cut goes on with it',
  async (granularity) => {
    const layers = await layerStates(tinyResnet(), { granularity, replacement: 'identity', sample });
    const start = withGates(tinyResnet(), layers, {}, ({ open }) => Float32Array.from(open));
    expect(
      gatePlaces(start).every(({ places }) => (granularity === 'pixel' ? places === 1 : places > 1)),
    ).toBe(true);
    expect(sumOf(start)).toBe(960);
    const options = { total: 960, budget: 160, steps: 100 };
    const result = { loss: 0, correct: 0, losses: new Float32Array(0), penalties: {} };
    const runTo = (step: number, controller = shrinkingAlphas(start, options), from = 0): Model => {
      let model = start;
      for (let i = from; i < step; i++) {
        controller.afterStep!(new Uint32Array(0), result);
        const weights = controller.rewrite!(() => model)!;
        model = { graph: start.graph, weights: new Map([...model.weights, ...weights]) };
      }
      return model;
    };
    expect(sumOf(runTo(40))).toBeCloseTo(960 - 400, 2);
    expect(sumOf(runTo(80))).toBeCloseTo(160, 2);
    expect(sumOf(runTo(100))).toBeCloseTo(160, 2);
    const first = shrinkingAlphas(start, options);
    runTo(40, first);
    const second = shrinkingAlphas(start, options);
    second.restore(first.state());
    expect(sumOf(runTo(60, second, 40))).toBeCloseTo(960 - 600, 2);
    expect(sizeOf(layers[0]!.shape)).toBe(256);
  },
);
