import { expect, test } from 'vitest';
import { normals } from '../../models/architectures/init.ts';
import { activationsOf } from '../../models/inspect.ts';
import { Evaluator } from '../../models/run.ts';
import { activationStatistics } from '../../pipelines/activation-statistics.ts';
import { maximumDifference, tinyResnet } from '../helpers/networks.ts';
import { seededRng } from '../helpers/rng.ts';

const n = 11;
const images = normals(n * 128, seededRng('images'));

test('means and deviations are those of two passes over all values at once', async () => {
  const model = tinyResnet();
  const statistics = await activationStatistics(model, images, n, { batch: 4, threads: 1 });
  expect([...statistics.keys()]).toEqual(activationsOf(model).map((node) => node.name));
  const evaluator = await Evaluator.create(model, { outputs: ['stage2.block0.add'], threads: 1 });
  const values = (await evaluator.run(images, n)).get('stage2.block0.add')!; // [n, 6, 4, 4]
  await evaluator.release();
  const found = statistics.get('stage2.block0.relu2')!;
  expect(found.shape).toEqual([6, 4, 4]);
  const channel = values.filter((_, i) => Math.floor(i / 16) % 6 === 2);
  const element = values.filter((_, i) => i % 96 === 37);
  for (const [sample, moments, at] of [
    [channel, found.channels, 2],
    [element, found.elements, 37],
  ] as const) {
    const mean = sample.reduce((a, b) => a + b, 0) / sample.length;
    const variance = sample.reduce((a, b) => a + (b - mean) ** 2, 0) / sample.length;
    expect(moments.mean[at]).toBeCloseTo(mean, 5); // the sample's own sum is in float32
    expect(moments.sigma[at]).toBeCloseTo(Math.sqrt(variance), 5);
  }
});

test('the size of a batch does not matter', async () => {
  const all = await activationStatistics(tinyResnet(), images, n, { batch: n, threads: 1 });
  const few = await activationStatistics(tinyResnet(), images, n, { batch: 3, threads: 1 });
  for (const [name, { channels }] of all) {
    // kernels may differ by batch in float32; the sums do not
    expect(maximumDifference(channels.mean, few.get(name)!.channels.mean)).toBeLessThan(1e-5);
    expect(maximumDifference(channels.sigma, few.get(name)!.channels.sigma)).toBeLessThan(1e-5);
  }
});
