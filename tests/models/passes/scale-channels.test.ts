import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { resnet } from '../../../models/architectures/resnet.ts';
import { wideResnet } from '../../../models/architectures/wide-resnet.ts';
import { normals } from '../../../models/architectures/init.ts';
import type { Model } from '../../../models/graph.ts';
import { verifyModel } from '../../../models/analysis/shapes.ts';
import { loadModel } from '../../../models/files/read.ts';
import { channelsOf } from '../../../models/passes/channels.ts';
import { replaceActivation } from '../../../models/passes/replace-relu.ts';
import { scaleChannels } from '../../../models/passes/scale-channels.ts';
import { predict } from '../../../models/runtime/run.ts';
import { sizeOf, tensor } from '../../../models/tensor.ts';
import { relativeDifference } from '../../helpers/differences.ts';
import { mixedNet, tinyResnet } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

const fixture = (name: string) => loadModel(join(import.meta.dirname, '../../fixtures/torchvision', name));

const networks: Record<string, () => Model | Promise<Model>> = {
  'residual network': () => tinyResnet(),
  'ReLUs mixed with polynomials': () => mixedNet(seededRng('mixed')),
  'wide residual network': () =>
    wideResnet(
      { name: 'w', inChannels: 2, size: 8, classes: 3, depth: 10, widen: 1, lastRelu: true },
      seededRng('wide'),
    ),
  ...Object.fromEntries(
    [
      'resnet',
      'vgg-bn',
      'mobilenet-v2',
      'mobilenet-v3',
      'densenet',
      'squeezenet',
      'efficientnet',
      'habits',
    ].map((name) => [`torchvision's ${name}`, () => fixture(`${name}.onnx`)]),
  ),
};

/** The network with everything that comes and goes with these channels at 0. */
function silenced(model: Model, isSilent: (channel: number) => boolean): Model {
  const weights = new Map(model.weights);
  for (const { weight, axis, channels, role } of channelsOf(model).ties) {
    if (role === 'statistics') continue;
    const { shape, data } = weights.get(weight)!;
    const inner = sizeOf(shape.slice(axis + 1));
    const values = data.map((v, i) => (isSilent(channels[Math.floor(i / inner) % shape[axis]!]!) ? 0 : v));
    weights.set(weight, tensor(shape, values));
  }
  return { ...model, weights };
}

/** Of each layer's channels every other one, but for those that must stay. */
function everyOther(model: Model): Set<number> {
  const { ties, locked } = channelsOf(model);
  const made = ties.filter(({ role }) => role === 'makes').map(({ channels }) => [...new Set(channels)]);
  const free = made.filter((channels) => !channels.some((channel) => locked.has(channel)));
  return new Set(free.flatMap((channels) => channels.filter((_, i) => i % 2 === 1)));
}

async function answers(model: Model): Promise<Float32Array> {
  const size = sizeOf(model.graph.inputs[0]!.shape);
  return predict(model, normals(3 * size, seededRng('images')), 3, { threads: 1 });
}

test.each(Object.entries(networks))('channels without weights go, and nothing else: %s', async (_, make) => {
  const model = await make();
  const gone = everyOther(model);
  const half = silenced(model, (channel) => gone.has(channel));
  const narrow = scaleChannels(half, 0.5);
  verifyModel(narrow);
  const parameters = (m: Model) => [...m.weights.values()].reduce((sum, { data }) => sum + data.length, 0);
  expect(parameters(narrow)).toBeLessThan(0.85 * parameters(half));
  const wanted = await answers(half);
  expect(relativeDifference(await answers(narrow), wanted)).toBeLessThan(1e-4); // float32, sums in another order
  // the test can fail: other channels than these matter
  expect(relativeDifference(await answers(scaleChannels(half, 0.25)), wanted)).toBeGreaterThan(1e-3);
});

describe('a residual network', () => {
  const options = { name: 'net', inChannels: 3, size: 8, classes: 5, blocks: [2, 1], stemRelu: true };
  const wide = resnet({ ...options, widths: [8, 12] }, seededRng('wide'));
  test('becomes one of the scaled widths', () => {
    const built = resnet({ ...options, widths: [4, 6] }, seededRng('narrow'));
    const narrow = scaleChannels(wide, 0.5);
    expect(narrow.graph).toEqual(built.graph);
    const shapes = (m: Model) => [...m.weights].map(([name, { shape }]) => [name, shape]).sort();
    expect(shapes(narrow)).toEqual(shapes(built));
  });
  test('keeps one channel at least, and all at alpha 1', () => {
    const built = resnet({ ...options, widths: [1, 1] }, seededRng('narrow'));
    expect(scaleChannels(wide, 0.01).graph).toEqual(built.graph);
    expect(scaleChannels(wide, 1)).toBe(wide);
  });
  test.each([0, -0.5, 1.5, NaN])('alpha %d is refused', (alpha) => {
    expect(() => scaleChannels(wide, alpha)).toThrow(/alpha: expected a number above 0 and up to 1/);
  });
});

test('kinds of a mixed activation go with their channels', () => {
  const model = tinyResnet();
  const kinds = new Uint8Array(256).map((_, e) => (Math.floor(e / 64) % 2 === 0 ? 1 : 2));
  const ones = new Float32Array(4).fill(1);
  const mixed = replaceActivation(model, 'stem.relu', { kinds, c2: ones, c1: ones, c0: ones });
  const node = scaleChannels(mixed, 0.5).graph.nodes.find(({ name }) => name === 'stem.relu')!;
  if (node.op !== 'MixedActivation') throw new Error(node.op);
  expect(node.attributes.kinds.length).toBe(128);
  for (const channel of [0, 1])
    expect(new Set(node.attributes.kinds.subarray(64 * channel, 64 * channel + 64)).size).toBe(1);
});
