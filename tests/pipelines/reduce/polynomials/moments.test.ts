import { expect, test } from 'vitest';
import { normals } from '../../../../models/architectures/init.ts';
import type { Model } from '../../../../models/graph.ts';
import { Evaluator } from '../../../../models/runtime/run.ts';
import {
  activationMoments,
  momentsAt,
  momentsOver,
} from '../../../../pipelines/reduce/polynomials/moments.ts';
import type { Moments } from '../../../../pipelines/reduce/polynomials/moments.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';
import { seededRng } from '../../../helpers/rng.ts';

const n = 11;
const images = normals(n * 128, seededRng('images'));
const layer = 'stage2.block0.relu2'; // [6, 4, 4]

const powers = {
  x: [1, 0],
  x2: [2, 0],
  x3: [3, 0],
  x4: [4, 0],
  y: [0, 1],
  xy: [1, 1],
  x2y: [2, 1],
  y2: [0, 2],
} as const satisfies Moments<readonly [number, number]>;

test('are the means over all values at once, of an element and of a channel', async () => {
  const moments = (await activationMoments(tinyResnet(), [layer], { images, n, threads: 1 })).get(layer)!;
  expect(moments.channels).toBe(6);
  const inputs = await valuesOf(tinyResnet(), 'stage2.block0.add'); // [n, 6, 4, 4]
  const channel = Array.from({ length: 16 }, (_, i) => 2 * 16 + i);
  for (const [key, [p, q]] of Object.entries(powers) as [keyof Moments, readonly [number, number]][]) {
    const product = (x: number) => x ** p * Math.max(x, 0) ** q;
    const mean = (chosen: readonly number[]) => {
      const values = [...inputs].filter((_, i) => chosen.includes(i % 96)).map(product);
      return values.reduce((a, b) => a + b, 0) / values.length;
    };
    expect(momentsAt(moments, 37)[key]).toBeCloseTo(mean([37]), 10);
    expect(momentsOver(moments, channel)[key]).toBeCloseTo(mean(channel), 10);
  }
});

test('only of the layers asked for', async () => {
  const found = await activationMoments(tinyResnet(), [layer, 'stem.relu'], { images, n, threads: 1 });
  expect([...found.keys()].sort()).toEqual([layer, 'stem.relu']);
});

test('more images than a batch of the runtime count each once', async () => {
  const twice = new Float32Array(20 * images.length);
  for (let i = 0; i < 20; i++) twice.set(images, i * images.length);
  const few = (await activationMoments(tinyResnet(), [layer], { images, n, threads: 1 })).get(layer)!;
  const many = await activationMoments(tinyResnet(), [layer], { images: twice, n: 20 * n, threads: 1 });
  // kernels may differ by batch in float32; the sums do not
  expect(momentsAt(many.get(layer)!, 37).x2).toBeCloseTo(momentsAt(few, 37).x2, 5);
});

async function valuesOf(model: Model, value: string): Promise<Float32Array> {
  const evaluator = await Evaluator.create(model, { outputs: [value], threads: 1 });
  const values = (await evaluator.run(images, n)).get(value)!;
  await evaluator.release();
  return values;
}
