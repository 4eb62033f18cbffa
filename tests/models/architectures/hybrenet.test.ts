import { expect, test } from 'vitest';
import { hybrenet, hybrenetCounts, hybrenetName } from '../../../models/architectures/hybrenet.ts';
import type { HybrenetOptions } from '../../../models/architectures/hybrenet.ts';
import { verifyModel } from '../../../models/analysis/shapes.ts';
import { inspect, stagesOf } from '../../../models/analysis/inspect.ts';

/** Counts do not depend on the weights: no randomness is needed. */
const noRng = { bytes: (n: number) => new Uint8Array(n) };
const cifar = { inChannels: 3, size: 32, classes: 100, baseWidth: 16 };

/**
 * The HybReNets of DeepReShape (Jha, Reagen, TMLR 2024); with m = 16 the first stage has 4 x 16 x 32 x 32 =
 * 65,536 ReLUs, the others alpha/4, alpha beta/16 and alpha beta lambda/64 of that, the stem 16,384.
 */
const published = [
  [
    [5, 5, 3],
    [81_920, 102_400, 76_800],
  ],
  [
    [5, 7, 2],
    [81_920, 143_360, 71_680],
  ],
  [
    [6, 6, 2],
    [98_304, 147_456, 73_728],
  ],
  [
    [7, 5, 2],
    [114_688, 143_360, 71_680],
  ],
  [
    [2, 5, 3],
    [32_768, 40_960, 30_720],
  ],
  [
    [2, 5, 2],
    [32_768, 40_960, 20_480],
  ],
  [
    [2, 6, 2],
    [32_768, 49_152, 24_576],
  ],
  [
    [2, 7, 2],
    [32_768, 57_344, 28_672],
  ],
] as const;

test.each(published)('HRN of multipliers %j has %j ReLUs after those of S1', (multipliers, others) => {
  const { stages, stemRelus, relus } = hybrenetCounts({ ...cifar, multipliers });
  expect(stages.map((stage) => stage.relus)).toEqual([65_536, ...others]);
  expect(stemRelus).toBe(16_384);
  expect(relus).toBe(16_384 + 65_536 + others.reduce((a, b) => a + b, 0));
});

const built: [string, HybrenetOptions][] = [
  ["the paper's, narrow", { ...cifar, baseWidth: 2, multipliers: [5, 5, 3] }],
  ['odd sizes', { inChannels: 1, size: 28, classes: 10, baseWidth: 3, multipliers: [1, 2, 4] }],
  ['blocks', { ...cifar, baseWidth: 4, multipliers: [2, 1], blocks: [1, 3, 2], stemRelu: false }],
  ['a stem that halves', { ...cifar, size: 31, baseWidth: 2, multipliers: [3], stemStride: 2 }],
];

test.each(built)('counted is what is built: %s', (_, options) => {
  const model = hybrenet(options, noRng);
  verifyModel(model);
  const counts = hybrenetCounts(options);
  const { relus, macs, params } = inspect(model);
  expect([counts.relus, counts.macs, counts.params]).toEqual([relus, macs, params]);
  const stages = stagesOf(model).map((stage) => [stage.resolution[0], stage.relus]);
  const withStem = counts.stages.map(({ size, relus: own }, k) => [
    size,
    own + (k === 0 ? counts.stemRelus : 0),
  ]);
  expect(stages).toEqual(withStem);
});

test("names are the paper's; blocks that do not fit are refused", () => {
  expect(hybrenetName([5, 5, 3])).toBe('HRN-5x5x3x');
  expect(hybrenet({ ...cifar, baseWidth: 1, multipliers: [2] }, noRng).graph.name).toBe('HRN-2x');
  expect(() => hybrenetCounts({ ...cifar, multipliers: [2, 2], blocks: [1, 1] })).toThrow(
    /blocks: expected 3 numbers, one per stage, got 1,1/,
  );
});
