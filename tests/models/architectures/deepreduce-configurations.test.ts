import { expect, test } from 'vitest';
import { deepReduceConfigurations, deepReduceNetwork } from '../../../models/architectures/deepreduce.ts';
import type { DeepReduceName } from '../../../models/architectures/deepreduce.ts';
import { verifyModel } from '../../../models/analysis/shapes.ts';
import { countRelus, stagesOf } from '../../../models/analysis/inspect.ts';

/** Counts do not depend on the weights: no randomness is needed. */
const noRng = { bytes: (n: number) => new Uint8Array(n) };

/**
 * The names of DeepReDuce's checkpoints say thousands of ReLUs; these counts are of the published
 * definitions.
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
