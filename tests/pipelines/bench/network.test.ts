import { expect, test } from 'vitest';
import { architectures } from '../../../models/architectures/index.ts';
import { seededRng } from '../../../models/data/seeded.ts';
import { inspect } from '../../../models/analysis/inspect.ts';
import { forInference } from '../../../models/passes/index.ts';
import { benchedNetwork, noise, preparedOnNoise, randomNetwork } from '../../../pipelines/bench/network.ts';
import { calibrate } from '../../../pipelines/compile/calibrate.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import type { Model } from '../../../models/graph.ts';

const sizes = { arch: 'resnet20', size: 16, channels: 3, classes: 10 } as const;

/** How much larger the values before the head are than those after the first ReLU. */
async function growth(model: Model): Promise<number> {
  const ranges = await calibrate(forInference(model), { images: noise(4 * 3 * 16 * 16), n: 4 });
  return ranges.get('stage3.block2.relu2')!.largest / ranges.get('stem.relu')!.largest;
}

test('nine blocks of random weights keep their values in range; untamed they do not', async () => {
  expect(await growth(randomNetwork(sizes))).toBeLessThan(8);
  const untamed = architectures.resnet20([3, 16, 16], 10, seededRng(1));
  expect(await growth(untamed)).toBeGreaterThan(20);
  expect(inspect(randomNetwork(sizes)).relus).toBe(inspect(untamed).relus);
});

test('all but some ReLUs become squares, as many in each layer as in the whole', async () => {
  const whole = { arch: 'resnet8', size: 16, channels: 1, classes: 3 } as const;
  const total = inspect(randomNetwork(whole)).relus;
  const keepRelus = Math.round(total / 10);
  const { plan } = await preparedOnNoise(await benchedNetwork({ ...whole, keepRelus }));
  const layers = predictCost(plan)
    .steps.map(({ elements }) => elements)
    .filter(({ relu, affine, square }) => relu + affine + square > 0);
  expect(layers.reduce((sum, { relu }) => sum + relu, 0)).toBe(keepRelus);
  for (const { relu, affine, square } of layers) {
    expect(relu).toBeGreaterThan(0);
    expect(Math.abs(relu - (relu + affine + square) / 10)).toBeLessThan(2);
    expect(square).toBeGreaterThan(8 * relu);
  }
});
