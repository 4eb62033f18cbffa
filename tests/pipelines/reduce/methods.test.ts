import { beforeAll, describe, expect, test } from 'vitest';
import { activationsOf, countRelus, stagesOf } from '../../../models/analysis/inspect.ts';
import { readModel } from '../../../models/files/read.ts';
import { writeModel } from '../../../models/files/write.ts';
import { forInference } from '../../../models/passes/index.ts';
import { evaluate } from '../../../models/train/evaluate.ts';
import { fit } from '../../../models/train/fit.ts';
import type { Model } from '../../../models/graph.ts';
import { methodNames, methods } from '../../../pipelines/reduce/methods.ts';
import type { Reduction } from '../../../pipelines/reduce/reduction.ts';
import { tinyDataset } from '../../helpers/data/data.ts';
import { tinyMobilenet, tinyResnet, tinyVgg } from '../../helpers/networks/networks.ts';

const train = tinyDataset(192, 'train');
const validation = tinyDataset(90, 'validation');
const test_ = tinyDataset(90, 'test');
const shared = { train, validation, batch: 32, seed: 7, threads: 1, augment: false };

type Case = {
  readonly network: string;
  readonly build: () => Model;
  readonly relus: number;
  readonly budgets: readonly number[];
};

/**
 * ReLUs of the small residual network: 768 in the first stage, 192 in the second; of the VGG 360 in maximum
 * poolings, which stay.
 */
const cases: readonly Case[] = [
  { network: 'ResNet', build: tinyResnet, relus: 960, budgets: [850, 0.5, 150] },
  { network: 'VGG with batch normalisation', build: tinyVgg, relus: 1024, budgets: [0.6] },
  { network: 'MobileNetV2 with ReLU6', build: tinyMobilenet, relus: 2112, budgets: [0.3] },
];

describe.each(cases)('$network', ({ build, relus, budgets }) => {
  let original: Model;
  beforeAll(async () => {
    const options = { ...shared, epochs: 8, learningRate: 0.05 };
    original = (await fit(build(), options)).model;
  });

  test('its ReLUs', () => expect(countRelus(original)).toBe(relus));

  describe.each(methodNames)('%s meets the contract of every method', (name) => {
    describe.each(budgets)('budget %d', (budget) => {
      let result: Reduction;
      beforeAll(async () => {
        result = await methods[name].reduce(original, { ...shared, budget, epochs: 2, searchEpochs: 3 });
      });

      test('the budget is met exactly or undershot by less than 1 %', () => {
        const wanted = budget < 1 ? Math.floor(budget * relus) : budget;
        expect(result.budget).toBe(wanted);
        expect(countRelus(result.model)).toBe(result.relusAfter);
        expect(result.relusAfter).toBeLessThanOrEqual(wanted);
        expect(result.relusAfter).toBeGreaterThan(wanted * 0.99);
      });

      test('the log accounts for every ReLU', () => {
        const base = result.base ?? original;
        expect(result.log.map((entry) => entry.layer)).toEqual(activationsOf(base).map((node) => node.name));
        for (const entry of result.log) {
          expect(entry.relus_after + entry.identity + entry.poly).toBe(entry.relus_before);
          expect(entry.reason).not.toBe('');
        }
        const total = (key: 'relus_before' | 'relus_after') =>
          result.log.reduce((sum, entry) => sum + entry[key], 0);
        const pooled = countRelus(base) - stagesOf(base).reduce((sum, stage) => sum + stage.relus, 0);
        expect(total('relus_before') + pooled).toBe(result.relusBefore);
        expect(total('relus_after') + pooled).toBe(result.relusAfter);
        expect(JSON.parse(JSON.stringify(result.log))).toEqual(result.log);
      });

      test('the .onnx reads back bit-equal', () => {
        const again = readModel(writeModel(result.model), 'reduced.onnx');
        expect(again.graph).toEqual(result.model.graph);
        expect(again.weights.size).toBe(result.model.weights.size);
        for (const [weight, { shape, data }] of result.model.weights)
          expect(again.weights.get(weight)).toEqual({ shape, data });
      });

      test('evaluation in onnxruntime equals the evaluation in training', async () => {
        const again = readModel(writeModel(result.model), 'reduced.onnx');
        expect((await evaluate(again, validation, { threads: 1 })).accuracy).toBe(result.validationAccuracy);
        expect(Math.max(...result.history.map((epoch) => epoch.validationAccuracy))).toBe(
          result.validationAccuracy,
        );
      });

      test('it still knows the classes, folded for inference too', async () => {
        // guessing gives 1/3; on 90 images a guesser passes 0.6 with probability below 1e-7
        expect((await evaluate(forInference(result.model), test_, { threads: 1 })).accuracy).toBeGreaterThan(
          0.6,
        );
      });
    });

    test.runIf(build === tinyResnet)('the same seed gives the same network', async () => {
      const options = { ...shared, budget: 500, epochs: 1 };
      const first = await methods[name].reduce(original, options);
      const second = await methods[name].reduce(original, options);
      expect(Buffer.compare(writeModel(first.model), writeModel(second.model))).toBe(0);
      const other = await methods[name].reduce(original, { ...options, seed: 8 });
      expect(Buffer.compare(writeModel(first.model), writeModel(other.model))).not.toBe(0);
    });
  });
});
