import { beforeAll, expect, test } from 'vitest';
import type { Model } from '../../../../models/graph.ts';
import { evaluate } from '../../../../models/train/evaluate.ts';
import { fit } from '../../../../models/train/fit.ts';
import {
  elementScores,
  gatePlaces,
  gateWeights,
  withoutGates,
} from '../../../../pipelines/reduce/gates/gates.ts';
import { keepHighest } from '../../../../pipelines/reduce/gates/keep.ts';
import { layerStates } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { searchGates, stepsOf } from '../../../../pipelines/reduce/gates/search.ts';
import { trainingSample } from '../../../../pipelines/reduce/polynomials/training-sample.ts';
import { snlGates } from '../../../../pipelines/reduce/snl/snl.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

const train = tinyDataset(192, 'train');
const validation = tinyDataset(300, 'validation');
const shared = { train, validation, batch: 32, seed: 7, threads: 1, augment: false };
const options = { ...shared, epochs: 3, searchEpochs: 6, budget: 0 };

let original: Model;
beforeAll(async () => {
  original = (await fit(tinyResnet(), { ...shared, epochs: 8, learningRate: 0.05 })).model;
});

test.each([480, 58])(
  'before the cut no more than %d alphas are above 0, and the cut costs no accuracy',
  async (budget) => {
    const sample = trainingSample(options);
    const layers = await layerStates(original, { granularity: 'pixel', replacement: 'identity', sample });
    const steps = stepsOf(options);
    const start = { model: original, teacher: original, replacement: 'identity', layers, sample } as const;
    const { gated, scoresOf, ...search } = await snlGates.setUp({ ...start, total: 960, budget, steps });
    const searched = await searchGates(gated, { teacher: original, ...search }, options);
    const alphas = gatePlaces(searched).flatMap(({ layer }) => [
      ...searched.weights.get(gateWeights(layer).gate)!.data,
    ]);
    expect(alphas.filter((alpha) => alpha > 0.01)).toHaveLength(budget);
    expect(alphas.every((alpha) => alpha === 0 || alpha === 1)).toBe(true);
    const scores = elementScores(searched, (layer) => scoresOf(searched, layer));
    const maps = new Map(layers.map(({ layer, shape }) => [layer, shape.slice(1)]));
    const cut = withoutGates(
      searched,
      keepHighest(scores, budget, (layer) => maps.get(layer)!),
    );
    const [before, after] = [await evaluate(searched, validation), await evaluate(cut, validation)];
    expect(before.accuracy).toBeGreaterThan(0.6);
    expect(after.accuracy).toBeGreaterThanOrEqual(0.95 * before.accuracy);
  },
);
