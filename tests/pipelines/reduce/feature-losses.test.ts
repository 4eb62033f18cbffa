import { expect, test } from 'vitest';
import { activationKinds } from '../../../models/graph.ts';
import type { Model } from '../../../models/graph.ts';
import { replaceActivation } from '../../../models/passes/replace-relu.ts';
import { featureLosses, stageMaps } from '../../../pipelines/reduce/feature-losses.ts';
import { finetune } from '../../../pipelines/reduce/finetune.ts';
import { tinyDataset } from '../../helpers/data/data.ts';
import { tinyResnet, tinyVgg } from '../../helpers/networks/networks.ts';

const last = ['stage1.block0.relu2', 'stage2.block0.relu2'];
const outputOf = (model: Model, name: string) =>
  model.graph.nodes.find((node) => node.name === name)!.outputs[0]!;

/** tinyResnet with polynomials for the odd elements of a layer. */
function halfPolynomial(layer: string): Model {
  const kinds = Uint8Array.from({ length: 256 }, (_, e) =>
    e % 2 === 1 ? activationKinds.poly : activationKinds.relu,
  );
  const [c2, c1, c0] = [0.1, 0.5, 0.2].map((c) => new Float32Array(4).fill(c));
  return replaceActivation(tinyResnet(), layer, { kinds, c2: c2!, c1: c1!, c0: c0! });
}

test('the maps are those behind the last activation of each stage', () => {
  const model = halfPolynomial(last[0]!);
  expect(stageMaps(model, tinyResnet())).toEqual(
    last.map((name) => ({ student: outputOf(model, name), teacher: outputOf(tinyResnet(), name) })),
  );
});

test('networks without a map in common are refused, and a weight of 0 asks for nothing', () => {
  expect(() => featureLosses(tinyVgg(), tinyResnet(), { featureLoss: 1 })).toThrow(
    /--feature-loss: the network has no maps/,
  );
  expect(featureLosses(tinyVgg(), tinyResnet(), { featureLoss: 0 })).toEqual({});
  expect(featureLosses(tinyResnet(), tinyResnet(), { rangeLoss: 1 })).toEqual({ features: [] });
});

test('either loss changes what fine-tuning makes', async () => {
  const [train, validation] = [tinyDataset(96, 'train'), tinyDataset(30, 'validation')];
  const options = { train, validation, seed: 3, epochs: 1, batch: 32, threads: 1, augment: false, budget: 0 };
  const start = halfPolynomial('stage1.block0.relu1');
  const weights = async (told: object) => {
    const tuned = await finetune(start, tinyResnet(), { phase: 'fine-tuning' }, { ...options, ...told });
    return tuned.model.weights.get('stem.conv.weight')!.data;
  };
  const [plain, zero] = [await weights({}), await weights({ featureLoss: 0, rangeLoss: 0 })];
  expect(zero).toEqual(plain);
  expect(await weights({ featureLoss: 1000 })).not.toEqual(plain);
  expect(await weights({ rangeLoss: 1 })).not.toEqual(plain);
});
