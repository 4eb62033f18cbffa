import { describe, expect, test } from 'vitest';
import { NetworkBuilder } from '../../../models/architectures/builder.ts';
import { countRelus } from '../../../models/analysis/inspect.ts';
import { inferShapes, verifyModel } from '../../../models/analysis/shapes.ts';
import { writeModel } from '../../../models/files/write.ts';
import { readModel } from '../../../models/files/read.ts';
import { activationKinds } from '../../../models/graph.ts';
import type { Model, Node, OpAttributes } from '../../../models/graph.ts';
import { activationsBehindMaxPools } from '../../../models/passes/activations-behind-max-pools.ts';
import { predict } from '../../../models/runtime/run.ts';
import { sizeOf, tensor } from '../../../models/tensor.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../../pipelines/cost/bytes.ts';
import { logitErrorBound } from '../../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../../pipelines/simulate/simulate.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { seededRng } from '../../helpers/rng.ts';

const halving: OpAttributes['MaxPool'] = {
  ...{ kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0], dilations: [1, 1], ceilMode: false },
};
const overlapping: OpAttributes['MaxPool'] = { ...halving, kernel: [3, 3], pads: [1, 1, 1, 1] };

const averaging = { ...halving, countIncludePad: false };

/** The maxima of `first` joined with a second activation. */
function joined(
  net: NetworkBuilder,
  join: 'concat' | 'add',
  first: string,
  second: (conv: string) => string,
): string {
  const other = second(net.conv('conv2', net.input, { inChannels: 2, channels: 4, kernel: 1, stride: 1 }));
  const both = join === 'add' ? net.add('join', first, other) : net.concat('join', [first, other]);
  return net.maxPool('pool', both, halving);
}

/** A convolution of 2 x 8 x 8 images to 4 maps, then what `build` adds, then a last layer. */
function network(build: (net: NetworkBuilder, conv: string) => string, features: number): Model {
  const net = new NetworkBuilder('pooled', [2, 8, 8], seededRng('pooled'));
  const conv = net.conv('conv', net.input, { inChannels: 2, channels: 4, kernel: 3, stride: 1 });
  return net.build(net.gemm('fc', net.flatten('flatten', build(net, conv)), features, 3));
}

const pooled = (pool: OpAttributes['MaxPool']) =>
  network((net, conv) => net.maxPool('pool', net.relu('relu', conv), pool), 64);

/** The model with another op in place of the node `relu`. */
function with_(model: Model, replaced: Partial<Node>, weights: Model['weights'] = new Map()): Model {
  const nodes = model.graph.nodes.map((node) =>
    node.name === 'relu' ? ({ ...node, ...replaced } as Node) : node,
  );
  return { graph: { ...model.graph, nodes }, weights: new Map([...model.weights, ...weights]) };
}

function mixedOf(model: Model, kindAt: (element: number) => number): Model {
  const kinds = Uint8Array.from({ length: 4 * 64 }, (_, i) => kindAt(i));
  const coefficients = ['c2', 'c1', 'c0'].map(
    (name) => [name, tensor([4], Float32Array.of(1, 2, 3, 4))] as const,
  );
  return with_(
    model,
    { op: 'MixedActivation', inputs: ['conv', 'c2', 'c1', 'c0'], attributes: { kinds } },
    new Map(coefficients),
  );
}

const order = (model: Model) => model.graph.nodes.map(({ name }) => name);

const { relu, identity, poly } = activationKinds;
const clip = { op: 'Clip', attributes: { min: -0.25, max: 0.5 } } as const;
const leaky = (alpha: number) => ({ op: 'LeakyRelu', attributes: { alpha } }) as const;

/** The elements of the first activation. */
function activationsIn(model: Model): number {
  const { outputs } = model.graph.nodes.find(({ name }) => name === 'relu')!;
  return sizeOf(inferShapes(model).get(outputs[0]!)!);
}

const moving: readonly (readonly [string, Model, number])[] = [
  ['ReLU before 2 x 2', pooled(halving), 4 * 16],
  ['ReLU before padded windows that overlap', pooled(overlapping), 4 * 16],
  ['Clip', with_(pooled(overlapping), clip), 4 * 16],
  ['LeakyRelu', with_(pooled(overlapping), leaky(0.1)), 4 * 16],
  ['masked ReLU, a channel each', mixedOf(pooled(overlapping), (i) => (i < 128 ? relu : identity)), 4 * 16],
  ['masked ReLU, a window each', mixedOf(pooled(halving), (i) => (i % 8 < 4 ? relu : identity)), 4 * 16],
  [
    'ReLU before two pools in a row',
    network((net, conv) => {
      const first = net.maxPool('pool', net.relu('relu', conv), halving);
      return net.maxPool('pool2', first, halving);
    }, 16),
    4 * 4,
  ],
];

describe('behind the pool', () => {
  test.each(moving)('%s, with the same logits bit for bit', async (_name, model, elements) => {
    const moved = activationsBehindMaxPools(model);
    verifyModel(moved);
    expect(activationsIn(model)).toBe(4 * 64);
    expect(activationsIn(moved)).toBe(elements);
    const images = randomImages(model, 8, seededRng('images'));
    expect(await predict(moved, images, 8)).toEqual(await predict(model, images, 8));
    expect(activationsBehindMaxPools(moved)).toBe(moved);
  });

  // Padding counts as minus infinity, not as zero: a window of negative values gives the largest of them, and then 0.
  test('padding does not count where all values are negative', async () => {
    const model = with_(pooled(overlapping), leaky(0.5));
    const images = randomImages(model, 4, seededRng('images')).map((x) => -Math.abs(x));
    const weights = new Map(model.weights);
    weights.set('conv.weight', tensor([4, 2, 3, 3], new Float32Array(72).fill(0.5)));
    const negative = { ...model, weights };
    const logits = await predict(negative, images, 4);
    expect(await predict(activationsBehindMaxPools(negative), images, 4)).toEqual(logits);
    const asZero = with_(negative, { op: 'Relu', attributes: {} });
    expect(await predict(asZero, images, 4)).not.toEqual(logits);
  });

  test('two ReLUs that a concatenation joins become one', async () => {
    const model = network(
      (net, conv) => joined(net, 'concat', net.relu('relu', conv), (x) => net.relu('relu2', x)),
      128,
    );
    const moved = activationsBehindMaxPools(model);
    verifyModel(moved);
    expect(order(moved)).toEqual(['conv', 'conv2', 'join', 'pool', 'relu', 'flatten', 'fc']);
    const images = randomImages(model, 8, seededRng('images'));
    expect(await predict(moved, images, 8)).toEqual(await predict(model, images, 8));
  });
});

describe('stays before the pool', () => {
  test.each<[string, Model]>([
    [
      'a ReLU that is used elsewhere too',
      network((net, conv) => {
        const relu = net.relu('relu', conv);
        return net.add('add', net.maxPool('pool', relu, halving), net.averagePool('mean', relu, averaging));
      }, 64),
    ],
    [
      'a layer of ReLUs and identities within a window',
      mixedOf(pooled(halving), (i) => (i % 2 ? relu : identity)),
    ],
    ['a layer whose windows overlap', mixedOf(pooled(overlapping), (i) => (i % 8 < 4 ? relu : identity))],
    ['a polynomial', mixedOf(pooled(halving), () => poly)],
    ['a slope that falls', with_(pooled(halving), leaky(-0.1))],
    [
      'a ReLU before an average',
      network((net, conv) => net.averagePool('pool', net.relu('relu', conv), averaging), 64),
    ],
    [
      'a ReLU and a Clip that a concatenation joins',
      network(
        (net, conv) => joined(net, 'concat', net.relu('relu', conv), (x) => net.clip('clip', x, 0, 1)),
        128,
      ),
    ],
    [
      'two ReLUs that a sum joins',
      network((net, conv) => joined(net, 'add', net.relu('relu', conv), (x) => net.relu('relu2', x)), 64),
    ],
  ])('%s', (_name, model) => {
    expect(activationsBehindMaxPools(model)).toBe(model);
  });

  test('a ReLU whose value is an output of the graph', () => {
    const { graph, weights } = pooled(halving);
    const model = {
      graph: { ...graph, outputs: [...graph.outputs, { name: 'relu', shape: [4, 8, 8] }] },
      weights,
    };
    expect(activationsBehindMaxPools(model)).toBe(model);
  });
});

test('a file is read with its ReLUs behind the pools, so inspect, reduce and plan count the same', async () => {
  const model = pooled(halving);
  const read = readModel(writeModel(model), 'pooled.onnx');
  // A pool of 2 x 2 makes three comparisons for each of its outputs.
  expect([countRelus(model), countRelus(read)]).toEqual([256 + 3 * 64, 64 + 3 * 64]);
  const images = randomImages(model, 8, seededRng('images'));
  const { plan } = await prepare(model, { calibration: { images, n: 8 } });
  const relus = predictCost(plan).steps.reduce((sum, { elements }) => sum + elements.relu, 0);
  expect(relus).toBe(countRelus(read));
});

test.each(moving)(
  'private logits are within the derived bound of the float model: %s',
  async (_name, model) => {
    const images = randomImages(model, 8, seededRng('images'));
    const prepared = await prepare(model, { calibration: { images, n: 8 } });
    const float = await predict(model, images, 8);
    const integer = await simulate(prepared.plan, prepared.weights, images, 8, seededRng('shares'));
    const error = float.reduce((worst, y, i) => Math.max(worst, Math.abs(y - integer[i]!)), 0);
    expect(error).toBeLessThan(logitErrorBound(prepared).likely);
  },
);
