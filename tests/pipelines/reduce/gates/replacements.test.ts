import { beforeAll, describe, expect, test } from 'vitest';
import { activationKinds, replacements } from '../../../../models/graph.ts';
import type { Model, NodeOf } from '../../../../models/graph.ts';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { fit } from '../../../../models/train/fit.ts';
import { methods } from '../../../../pipelines/reduce/methods.ts';
import { UsageError } from '../../../../src/shared/errors.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyMobilenet, tinyResnet } from '../../../helpers/networks/networks.ts';

const train = tinyDataset(192, 'train');
const validation = tinyDataset(90, 'validation');
const shared = { train, validation, batch: 32, seed: 7, threads: 1, augment: false, epochs: 2 };

let original: Model;
beforeAll(async () => {
  original = (await fit(tinyResnet(), { ...shared, epochs: 8, learningRate: 0.05 })).model;
});

const { identity, relu, poly } = activationKinds;
const mixed = (model: Model): NodeOf<'MixedActivation'>[] =>
  model.graph.nodes.filter((node) => node.op === 'MixedActivation');
const weightsOf = (model: Model, key: 'c2' | 'c1' | 'c0'): number[] =>
  mixed(model).flatMap(({ name }) => [...model.weights.get(`${name}.${key}`)!.data]);

describe.each(['snl', 'autorep'] as const)('%s', (name) => {
  test.each(replacements)('what goes becomes %s, and stays it in fine-tuning', async (replace) => {
    const { model, log } = await methods[name].reduce(original, { ...shared, budget: 0.25, replace });
    expect(countRelus(model)).toBe(240);
    const kinds = new Set(mixed(model).flatMap((node) => [...node.attributes.kinds]));
    expect(kinds).toEqual(new Set(replace === 'identity' ? [identity, relu] : [poly, relu]));
    if (replace !== 'identity') {
      expect(weightsOf(model, 'c2').some((c) => c !== 0)).toBe(
        replace === 'quadratic' || replace === 'mixed',
      );
      expect(weightsOf(model, 'c1').some((c) => c !== 0)).toBe(replace !== 'none');
    }
    expect(log[0]!.reason).toMatch(/of 256 have one of the highest values of (alpha|m) over all layers/);
  });

  test('without any ReLU', async () => {
    const { model, validationAccuracy } = await methods[name].reduce(original, {
      ...shared,
      budget: 0,
      replace: 'quadratic',
    });
    expect(countRelus(model)).toBe(0);
    expect(validationAccuracy).toBeGreaterThan(0.6); // guessing gives 1/3
  });

  test('by channels: whole ones stay, but for one that is cut to the budget', async () => {
    const { model } = await methods[name].reduce(original, {
      ...shared,
      budget: 300,
      granularity: 'channel',
    });
    expect(countRelus(model)).toBe(300);
    const channels = model.graph.nodes.flatMap((node) => {
      if (node.op !== 'MixedActivation') return [];
      const places = node.attributes.kinds.length / model.weights.get(`${node.name}.c0`)!.shape[0]!;
      return Array.from(
        { length: node.attributes.kinds.length / places },
        (_, c) =>
          node.attributes.kinds
            .subarray(c * places, (c + 1) * places)
            .reduce((n, kind) => n + (kind === relu ? 1 : 0), 0) / places,
      );
    });
    expect(channels.filter((share) => share > 0 && share < 1).length).toBeLessThanOrEqual(1);
    expect(channels).toContain(0);
  });

  test('a network that was reduced before goes on from there', async () => {
    const first = await methods[name].reduce(original, { ...shared, budget: 0.5, replace: 'quadratic' });
    const second = await methods[name].reduce(first.model, { ...shared, budget: 0.25, replace: 'quadratic' });
    expect(second.relusBefore).toBe(480);
    expect(second.relusAfter).toBe(120);
    const other = methods[name].reduce(first.model, { ...shared, budget: 0.25, replace: 'identity' });
    await expect(other).rejects.toThrow(UsageError);
  });

  test('ReLU6 becomes ReLU first, and the log says so', async () => {
    const { model, log } = await methods[name].reduce(tinyMobilenet(), { ...shared, budget: 0.9, epochs: 1 });
    expect(model.graph.nodes.some(({ op }) => op === 'Clip')).toBe(false);
    for (const { reason } of log) expect(reason).toMatch(/^Clip\(0, 6\) became a ReLU first; /);
  });
});
