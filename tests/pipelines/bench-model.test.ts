import { expect, test } from 'vitest';
import { architectures } from '../../models/architectures/index.ts';
import { seededRng } from '../../models/data/seeded.ts';
import { inspect } from '../../models/inspect.ts';
import { forInference } from '../../models/passes/index.ts';
import { noise, randomNetwork } from '../../pipelines/bench-model.ts';
import { calibrate } from '../../pipelines/calibrate.ts';
import type { Model } from '../../models/graph.ts';

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
