import { beforeAll, expect, test } from 'vitest';
import { deepReduceConfigurations, deepReduceNetwork } from '../../../models/architectures/deepreduce.ts';
import type { DeepReduceConfiguration, DeepReduceName } from '../../../models/architectures/deepreduce.ts';
import { resnet } from '../../../models/architectures/resnet.ts';
import type { Model } from '../../../models/graph.ts';
import { verifyModel } from '../../../models/analysis/shapes.ts';
import { countRelus, stagesOf } from '../../../models/analysis/inspect.ts';
import { dropRelus } from '../../../models/passes/drop-relu.ts';
import { scaleChannels } from '../../../models/passes/scale-channels.ts';
import { scaleMaps } from '../../../models/passes/scale-maps.ts';
import { thinnedActivations } from '../../../models/passes/thin-relus.ts';

/** The counts do not depend on the weights, so no randomness is needed. */
const noRng = { bytes: (n: number) => new Uint8Array(n) };

/**
 * The ReLUs of each published definition. The names of DeepReDuce's checkpoints give them in thousands.
 */
const published: Record<DeepReduceName, number> = {
  C100_230K: 229_376,
  C100_115K: 114_688,
  C100_57K: 57_344,
  C100_49K: 49_152,
  C100_29K: 28_672,
  C100_14K: 14_336,
  C100_12K: 12_288,
  C100_7K: 7_168,
  TINY_918K: 917_504,
  TINY_459K: 458_752,
  TINY_393K: 393_216,
  TINY_229K: 229_376,
  TINY_197K: 196_608,
  TINY_115K: 114_688,
  TINY_98K: 98_304,
  TINY_57K: 57_344,
  TINY_49K: 49_152,
};

test.each(Object.entries(published) as [DeepReduceName, number][])('%s has %i ReLUs', (name, relus) => {
  const model = deepReduceNetwork(name, noRng);
  expect(countRelus(model)).toBe(relus);
  expect(deepReduceConfigurations[name].relus).toBe(relus);
});

test('a culled stage has no ReLU, a thinned one the first of each block', () => {
  const model = deepReduceNetwork('C100_12K', noRng);
  verifyModel(model);
  expect(stagesOf(model).map((stage) => stage.nodes)).toEqual([
    ['stage2.block0.relu1', 'stage2.block1.relu1'],
    ['stage3.block0.relu1', 'stage3.block1.relu1'],
  ]);
});

let resnet18: Model;
beforeAll(() => {
  const options = { name: 'resnet18', inChannels: 3, size: 32, classes: 100, blocks: [2, 2, 2, 2] };
  resnet18 = resnet({ ...options, widths: [64, 128, 256, 512], stemRelu: false }, noRng);
});

/** The published networks that DeepReDuce's moves make from a whole ResNet18. */
const fromResnet18 = Object.entries<DeepReduceConfiguration>(deepReduceConfigurations).filter(
  ([name, { blocks }]) => name.startsWith('C100') && blocks.join() === '2,2,2,2',
);

test.each(fromResnet18)(
  'the moves on a whole ResNet18 give %s',
  (_, { culled, thinned, alpha, rho, relus }) => {
    const gone = stagesOf(resnet18).flatMap(({ name, nodes }) => (culled.includes(name) ? nodes : []));
    const thinnedOut = thinned ? [...thinnedActivations(resnet18)] : [];
    const reduced = dropRelus(resnet18, [...new Set([...gone, ...thinnedOut])]);
    expect(countRelus(scaleMaps(scaleChannels(reduced, alpha), rho))).toBe(relus);
  },
);

test('seven of the published networks are made so', () => expect(fromResnet18.length).toBe(7));
