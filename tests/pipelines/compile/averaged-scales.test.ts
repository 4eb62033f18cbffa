import { expect, test } from 'vitest';
import { NetworkBuilder } from '../../../models/architectures/builder.ts';
import { activationKinds } from '../../../models/graph.ts';
import type { Model, OpAttributes } from '../../../models/graph.ts';
import { loadDataset } from '../../../models/data/dataset.ts';
import { loadModel } from '../../../models/files/read.ts';
import { predict } from '../../../models/runtime/run.ts';
import { tensor } from '../../../models/tensor.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { activationSteps, wireOf } from '../../../pipelines/plan/plan.ts';
import { logitErrorBound } from '../../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../../pipelines/simulate/simulate.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixed } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

const n = 12;

/** What comes between the last convolution and the flattened input of the last layer. */
type Head = (net: NetworkBuilder, conv: string) => string;

/**
 * Images of 3 x 8 x 8, a head of 6 channels, and a last layer whose first bias leaves its weights few bits if
 * it is large.
 */
function withHead(head: Head, bias: number): Model {
  const net = new NetworkBuilder('head', [3, 8, 8], seededRng('head'));
  const conv = net.conv('conv', net.input, { inChannels: 3, channels: 6, kernel: 3, stride: 1 });
  const model = net.build(net.gemm('fc', net.flatten('flatten', head(net, conv)), 6, 5));
  const weights = new Map(model.weights).set('fc.bias', tensor([5], Float32Array.of(bias, 0, 0, 0, 0)));
  return { ...model, weights };
}

const plain: Head = (net, conv) => net.globalAveragePool('pool', net.relu('relu', conv));

async function compiled(model: Model, options: Partial<CompileOptions> = {}) {
  const images = randomImages(model, n, seededRng('images'));
  const bits = { precision: 12, weightBits: 10, ...options };
  const prepared = await prepare(model, { calibration: { images, n }, ...bits });
  const { plan, weights } = prepared;
  const float = await predict(model, images, n);
  const integer = await simulate(plan, weights, images, n, seededRng('shares'));
  const error = float.reduce((worst, y, i) => Math.max(worst, Math.abs(y - integer[i]!)), 0);
  const layers = activationSteps(plan).map(({ node, output }) => [node, wireOf(plan, output).scale] as const);
  return { layers: new Map(layers), error, bound: logitErrorBound(prepared).likely };
}

/** Square windows, `stride` places apart. */
function windows(side: number, stride = side): OpAttributes['AveragePool'] {
  const pads = [0, 0, 0, 0] as const;
  const sizes = { kernel: [side, side], strides: [stride, stride], pads, dilations: [1, 1] } as const;
  return { ...sizes, ceilMode: false, countIncludePad: true };
}

/** A second layer of activations on the same image. */
function another(net: NetworkBuilder): string {
  return net.relu(
    'relu2',
    net.conv('conv2', net.input, { inChannels: 3, channels: 6, kernel: 1, stride: 1 }),
  );
}

const kinds = Object.values(activationKinds);

test.each<[string, Model]>([
  ['an average over all places', withHead(plain, 400)],
  ['ReLU6', withHead((net, conv) => net.globalAveragePool('pool', net.clip('relu', conv, 0, 6)), 400)],
  [
    'two averages, one after the other',
    withHead(
      (net, conv) =>
        net.averagePool('pool2', net.averagePool('pool', net.relu('relu', conv), windows(4)), windows(2)),
      400,
    ),
  ],
  [
    'a sum of two layers of ReLUs',
    withHead(
      (net, conv) => net.globalAveragePool('pool', net.add('add', net.relu('relu', conv), another(net))),
      400,
    ),
  ],
  ['ReLUs, identities and squares', mixed(withHead(plain, 100), 'relu', seededRng('mixed'), kinds)],
])('%s: the activations drop the bits that the last layer has no room for', async (_name, model) => {
  const { layers, error, bound } = await compiled(model);
  expect(layers.has('fc/truncate')).toBe(false);
  expect(layers.get('relu')).toBeLessThan(2 ** 12);
  expect(layers.get('relu2') ?? layers.get('relu')).toBe(layers.get('relu'));
  expect(error).toBeLessThan(bound);
  expect(bound).toBeLessThan(1);
});

test.each<[string, Model]>([
  ['too much noise', withHead(plain, 100)],
  [
    'activations that are used elsewhere too',
    withHead((net, conv) => {
      const relu = net.relu('relu', conv);
      const again = net.conv('again', relu, { inChannels: 6, channels: 6, kernel: 1, stride: 1 });
      return net.globalAveragePool('pool', net.add('add', relu, net.relu('relu2', again)));
    }, 400),
  ],
  [
    'windows that overlap',
    withHead((net, conv) => {
      const pooled = net.averagePool('pool', net.relu('relu', conv), windows(4, 2));
      return net.globalAveragePool('pool2', pooled);
    }, 400),
  ],
])('%s: the sum before the last layer is truncated as before', async (_name, model) => {
  const { layers, error, bound } = await compiled(model);
  expect(layers.get('relu')).toBe(2 ** 12);
  expect(layers.get('fc/truncate')).toBeLessThanOrEqual(2 ** 12);
  expect(error).toBeLessThan(bound);
});

test('an average whose layer has room for it keeps all bits', async () => {
  const { layers } = await compiled(withHead(plain, 0));
  expect([...layers]).toEqual([['relu', 2 ** 12]]);
});

test('the network of the package: the last layer takes no round trip, its ReLUs drop more bits than others', async () => {
  const model = await loadModel('zoo:fashion-resnet8');
  const { plan } = await prepare(model, { calibration: await loadDataset('fashion-mnist-part', 'train') });
  const layers = activationSteps(plan);
  expect(layers.map(({ node }) => node)).not.toContain('head.fc/truncate');
  expect(predictCost(plan).rounds).toBe(8);
  const scales = layers.map(({ output }) => wireOf(plan, output).scale);
  expect(scales.at(-1)).toBeLessThan(Math.min(...scales.slice(0, -1)));
});
