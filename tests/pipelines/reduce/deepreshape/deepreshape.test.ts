import { beforeAll, describe, expect, test } from 'vitest';
import { hybrenet, hybrenetCounts } from '../../../../models/architectures/hybrenet.ts';
import { resnet } from '../../../../models/architectures/resnet.ts';
import type { Model } from '../../../../models/graph.ts';
import { activationsOf, countRelus, inspect, stagesOf } from '../../../../models/analysis/inspect.ts';
import { fit } from '../../../../models/train/fit.ts';
import { designFor, mapStages } from '../../../../pipelines/reduce/deepreshape/design.ts';
import { deepreshape } from '../../../../pipelines/reduce/deepreshape/deepreshape.ts';
import type { ProgressEvent } from '../../../../src/shared/progress.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyMobilenet, tinyResnet, tinyVgg } from '../../../helpers/networks/networks.ts';

/** Counts do not depend on the weights: no randomness is needed. */
const noRng = { bytes: (n: number) => new Uint8Array(n) };

function reluShares(model: Model): number[] {
  return stagesOf(model).map(({ relus, nodes }) => (relus * 2 * Math.floor(nodes.length / 2)) / nodes.length);
}

describe('the design', () => {
  const sizes = { inChannels: 3, size: 32, classes: 100, stemRelu: true };
  const widths = [8, 16, 32, 64];
  const given = resnet({ name: 'n', ...sizes, widths, blocks: [2, 2, 2, 2] }, noRng);

  test("for ResNet18's order is the paper's first network, of as many multiplications", () => {
    const design = designFor(given, { order: ['S3', 'S2', 'S4', 'S1'], budget: 0 });
    expect(design.multipliers).toEqual([5, 5, 3]);
    expect(design.blocks).toEqual([2, 2, 2, 2]);
    const macs = (baseWidth: number) =>
      Math.abs(hybrenetCounts({ ...design, baseWidth }).macs - inspect(given).macs);
    for (let m = 1; m < 12; m++) expect(macs(design.baseWidth)).toBeLessThanOrEqual(macs(m));
  });

  test.each([
    ['S1', 'S2', 'S3', 'S4'],
    ['S4', 'S3', 'S2', 'S1'],
    ['S2', 'S4', 'S1', 'S3'],
  ])('has most ReLUs in %s, and least in the last', (...order) => {
    const design = designFor(given, { order, budget: 0, baseWidth: 2 });
    expect(design.baseWidth).toBe(2);
    const shares = reluShares(hybrenet({ ...design, stemRelu: false }, noRng));
    const byOrder = order.map((name) => shares[Number(name.slice(1)) - 1]!);
    expect(byOrder).toEqual(byOrder.toSorted((a, b) => b - a));
    expect(new Set(byOrder).size).toBe(4);
  });

  test('is wider where the budget asks for more ReLUs than its multiplications would give', () => {
    const order = ['S3', 'S2', 'S4', 'S1'];
    const { relus } = hybrenetCounts(designFor(given, { order, budget: 0 }));
    const wider = designFor(given, { order, budget: relus + 1 });
    expect(hybrenetCounts(wider).relus).toBeGreaterThan(relus);
    expect(hybrenetCounts({ ...wider, baseWidth: wider.baseWidth - 1 }).relus).toBeLessThanOrEqual(relus);
  });

  test('leaves out hidden layers, follows the first stage, and takes ones where multipliers of two do not do', () => {
    const vgg = tinyVgg();
    const stages = mapStages(vgg).map(({ name }) => name);
    expect(stages.length).toBeLessThanOrEqual(stagesOf(vgg).length);
    expect(designFor(vgg, { order: stages, budget: 0 }).multipliers.length).toBe(stages.length - 1);
    const halved = resnet({ name: 'h', ...sizes, widths: [2, 2], blocks: [1, 1], stemStride: 2 }, noRng);
    expect(designFor(halved, { order: ['S1', 'S2'], budget: 0 }).stemStride).toBe(2);
    const deep = resnet({ name: 'd', ...sizes, widths: [2, 2], blocks: [1, 2] }, noRng);
    // S2 has 2 a / 4 of S1's: less only for a = 1
    expect(designFor(deep, { order: ['S1', 'S2'], budget: 0 }).multipliers).toEqual([1]);
    const flat = { ...tinyMobilenet() };
    const inputs = [{ ...flat.graph.inputs[0]!, shape: [2, 8, 4] }];
    expect(() =>
      designFor({ ...flat, graph: { ...flat.graph, inputs } }, { order: ['S1', 'S2'], budget: 0 }),
    ).toThrow(/deepreshape needs square images/);
  });
});

const data = { train: tinyDataset(192, 'train'), validation: tinyDataset(60, 'validation') };
const options = { ...data, batch: 32, seed: 3, threads: 1, augment: false };
const short = { ...options, epochs: 1, searchEpochs: 1 };

describe('the method', () => {
  let original: Model;
  beforeAll(async () => {
    original = (await fit(tinyResnet(), { ...options, epochs: 4, learningRate: 0.05 })).model;
  });

  test('ReLU reuse keeps one group of channels, the next in the next layer', async () => {
    const deepreshaped = await deepreshape(original, {
      ...short,
      budget: 940,
      deepreshape: { reuse: 2, pretrainEpochs: 2 },
    });
    const { model, base, relusAfter, log, design, built } = deepreshaped;
    expect(built).toMatch(
      /^HRN-2x of 4, 8 channels for the criticality S1 > S2: 1,024 ReLUs and 38,680 multiplications, where tiny has 960 and 33,234$/,
    );
    expect(relusAfter).toBe(countRelus(base) / 2);
    expect(design.removal).toBe('none');
    expect(log[0]!.reason).toMatch(/^HRN-2x: ReLUs in one of 2 groups of channels; kept$/);
    for (const { relus_before, relus_after, identity } of log) {
      expect(relus_after).toBe(relus_before / 2);
      expect(identity).toBe(relus_before / 2);
    }
    expect(activationsOf(model).every(({ op }) => op === 'MixedActivation')).toBe(true);
  });

  test.each(['coarse', 'fine'] as const)('%s removal after reuse meets the budget', async (removal) => {
    const settings = { removal, reuse: 2, pretrainEpochs: 1 };
    const { relusAfter, log, base } = await deepreshape(original, {
      ...short,
      budget: 100,
      deepreshape: settings,
    });
    expect(relusAfter).toBe(100);
    const total = log.reduce((sum, e) => sum + e.relus_after + e.identity + e.poly, 0);
    expect(total).toBe(countRelus(base));
    expect(log.every(({ reason }) => reason.startsWith('HRN-2x: ReLUs in one of 2 groups'))).toBe(true);
  });

  test('trains on the given network, for as many epochs as asked', async () => {
    const epochs = new Set<string>();
    const onProgress = ({ phase, of, training }: ProgressEvent) => {
      if (phase === 'base-training') epochs.add(`${of} ${training!.epoch}/${training!.epochs}`);
    };
    await deepreshape(original, { ...short, budget: 500, deepreshape: { pretrainEpochs: 2 }, onProgress });
    expect([...epochs]).toEqual(['HRN-2x 1/2', 'HRN-2x 2/2']);
  });
});
