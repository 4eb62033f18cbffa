import { join } from 'node:path';
import { elementKinds } from '../../../crypto/spec.ts';
import type { ActivationSpec, LinearSpec } from '../../../crypto/spec.ts';
import { inferShapes } from '../../../models/analysis/shapes.ts';
import { NetworkBuilder } from '../../../models/architectures/builder.ts';
import type { ConvSizes } from '../../../models/architectures/builder.ts';
import { architectures } from '../../../models/architectures/index.ts';
import { normals } from '../../../models/architectures/init.ts';
import { resnet } from '../../../models/architectures/resnet.ts';
import { vgg } from '../../../models/architectures/vgg.ts';
import { seededRng as networkRng } from '../../../models/data/seeded.ts';
import { saveModel } from '../../../models/files/write.ts';
import { activationKinds } from '../../../models/graph.ts';
import type { Model, Node } from '../../../models/graph.ts';
import { encodeRawModel } from '../../../models/onnx/raw.ts';
import { sizeOf, tensor } from '../../../models/tensor.ts';
import type { Tensor } from '../../../models/tensor.ts';
import type { ServerWeights } from '../../../pipelines/compile/quantise.ts';
import { planVersion } from '../../../pipelines/plan/plan.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { writeFileAtomic } from '../../../src/shared/files.ts';
import { randomWords } from '../../../src/shared/random.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { convolution, randomWeights } from '../protocol/convolution.ts';
import { seededRng } from '../rng.ts';

// Small networks, each with what it is for.

/**
 * For reductions and passes: a residual network of two stages on 2 x 8 x 8 images, with all that a big one
 * has.
 */
export function tinyResnet(seed = 'tiny'): Model {
  const options = {
    name: 'tiny',
    inChannels: 2,
    size: 8,
    classes: 3,
    widths: [4, 6],
    blocks: [1, 1],
    stemRelu: true,
  };
  return withLivelyStatistics(resnet(options, seededRng(seed)));
}

/**
 * For maximum pooling and networks without shortcuts: a VGG of two stages as torchvision builds it, on 2 x
 * 8 x 8 images.
 */
export function tinyVgg(seed = 'tiny'): Model {
  const options = {
    name: 'tiny-vgg',
    inChannels: 2,
    size: 8,
    classes: 3,
    stages: [[6], [8, 8]],
    batchNorm: true,
    hidden: [],
    pool: 'max',
  } as const;
  return withLivelyStatistics(vgg(options, seededRng(seed)));
}

/** For ReLU6 and depthwise convolutions: two inverted residuals as in MobileNetV2, on 2 x 8 x 8 images. */
export function tinyMobilenet(seed = 'tiny'): Model {
  const net = new NetworkBuilder('tiny-mobilenet', [2, 8, 8], seededRng(seed));
  const layer = (name: string, x: string, sizes: ConvSizes, group = 1): string => {
    const normed = net.batchNorm(`${name}.bn`, net.conv(name, x, sizes, { group }), sizes.channels);
    return net.clip(`${name}.relu6`, normed, 0, 6);
  };
  const residual = (name: string, x: string, inChannels: number, channels: number, stride: number) => {
    const inner = 2 * inChannels;
    const expanded = layer(`${name}.expand`, x, { inChannels, channels: inner, kernel: 1, stride: 1 });
    const depthwise = { inChannels: inner, channels: inner, kernel: 3, stride };
    const filtered = layer(`${name}.depthwise`, expanded, depthwise, inner);
    const projected = net.conv(`${name}.project`, filtered, {
      inChannels: inner,
      channels,
      kernel: 1,
      stride: 1,
    });
    const normed = net.batchNorm(`${name}.project.bn`, projected, channels);
    return stride === 1 && inChannels === channels ? net.add(`${name}.add`, normed, x) : normed;
  };
  let x = layer('stem', net.input, { inChannels: 2, channels: 4, kernel: 3, stride: 1 });
  x = residual('block0', x, 4, 4, 1);
  x = residual('block1', x, 4, 6, 2);
  x = layer('last', x, { inChannels: 6, channels: 12, kernel: 1, stride: 1 });
  x = net.flatten('flatten', net.globalAveragePool('pool', x));
  return withLivelyStatistics(net.build(net.gemm('fc', x, 12, 3)));
}

/** For the images of `bars`, 1 x 8 x 8 in three classes: fresh, to be trained. */
export function barResnet(seed = 1, classes = 3): Model {
  const options = {
    name: 'tiny',
    inChannels: 1,
    size: 8,
    classes,
    widths: [4, 8],
    blocks: [1, 1],
    stemRelu: true,
  };
  return resnet(options, networkRng(seed));
}

/**
 * For the compiler: a residual network with a projection shortcut and biases, 3 x 8 x 8 to 5 classes; ReLU
 * everywhere.
 */
export function residualNet(rng: Rng): Model {
  const net = new NetworkBuilder('small-residual', [3, 8, 8], rng);
  const stem = net.conv('stem', net.input, { inChannels: 3, channels: 6, kernel: 3, stride: 1 });
  const a = net.relu('stem.relu', stem);
  const b = net.conv('block1.conv1', a, { inChannels: 6, channels: 6, kernel: 3, stride: 1 });
  const c = net.relu('block1.relu1', b);
  const d = net.conv('block1.conv2', c, { inChannels: 6, channels: 6, kernel: 3, stride: 1 });
  const e = net.relu('block1.relu2', net.add('block1.add', d, a));
  const f = net.conv('block2.conv1', e, { inChannels: 6, channels: 8, kernel: 3, stride: 2 });
  const g = net.conv('block2.shortcut', e, { inChannels: 6, channels: 8, kernel: 1, stride: 2 });
  const h = net.relu('block2.relu', net.add('block2.add', f, g));
  const pooled = net.flatten('flatten', net.globalAveragePool('pool', h));
  return withBiases(net.build(net.gemm('fc', pooled, 8, 5)), rng);
}

/**
 * For reduced networks: `residualNet` with ReLUs beside identities and polynomials, and one layer without
 * any ReLU.
 */
export function mixedNet(rng: Rng): Model {
  const model = residualNet(rng);
  const poly = mixed(model, 'stem.relu', rng, [activationKinds.relu, activationKinds.poly]);
  const three = mixed(poly, 'block1.relu2', rng, [
    activationKinds.relu,
    activationKinds.identity,
    activationKinds.poly,
  ]);
  return mixed(three, 'block1.relu1', rng, [activationKinds.identity]);
}

/**
 * For what is compiled into ReLUs: a leaky ReLU, overlapping maxima, a clip, averages over windows of
 * several sizes; 3 x 8 x 8 to 5 classes.
 */
export function piecewiseNet(rng: Rng): Model {
  const window = { kernel: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], dilations: [1, 1] } as const;
  const net = new NetworkBuilder('small-piecewise', [3, 8, 8], rng);
  const stem = net.conv('stem', net.input, { inChannels: 3, channels: 4, kernel: 3, stride: 1 });
  const pooled = net.maxPool('max', net.relu('leaky', stem), { ...window, ceilMode: false });
  const conv = net.conv('conv', pooled, { inChannels: 4, channels: 4, kernel: 3, stride: 1 });
  const clip = net.relu('clip', conv);
  const average = net.averagePool('average', clip, { ...window, ceilMode: false, countIncludePad: false });
  const model = withBiases(net.build(net.gemm('fc', net.flatten('flatten', average), 16, 5)), rng);
  const nodes = model.graph.nodes.map((node): Node => {
    if (node.name === 'leaky') return { ...node, op: 'LeakyRelu', attributes: { alpha: 0.1 } };
    if (node.name === 'clip') return { ...node, op: 'Clip', attributes: { min: 0, max: 2 } };
    return node;
  });
  return { ...model, graph: { ...model.graph, nodes } };
}

/**
 * Replaces a ReLU by a MixedActivation with random kinds out of `kinds` and coefficients near x^2/4 + x/2
 * + 1/10.
 */
export function mixed(model: Model, name: string, rng: Rng, kinds: readonly number[]): Model {
  const shape = inferShapes(model).get(name)!;
  const channels = shape[0]!;
  const words = randomWords(rng, sizeOf(shape));
  const near = (centre: number, spread: number) =>
    tensor(
      [channels],
      normals(channels, rng).map((g) => centre + spread * g),
    );
  const weights = new Map<string, Tensor>(model.weights);
  const coefficients = { c2: near(0.25, 0.05), c1: near(0.5, 0.1), c0: near(0.1, 0.05) };
  for (const [key, value] of Object.entries(coefficients)) weights.set(`${name}.${key}`, value);
  // One channel bends the other way, one hardly at all.
  coefficients.c2.data[0] = -0.2;
  coefficients.c2.data[1] = 1e-4;
  const nodes = model.graph.nodes.map((node): Node => {
    if (node.name !== name) return node;
    const inputs = [node.inputs[0]!, ...Object.keys(coefficients).map((key) => `${name}.${key}`)];
    const attributes = { kinds: Uint8Array.from(words, (word) => kinds[word % kinds.length]!) };
    // The channel that hardly bends holds no identities: see lowerMixed.
    const size = attributes.kinds.length / channels;
    if (kinds.length > 1) {
      attributes.kinds.subarray(size, 2 * size).forEach((kind, i, row) => {
        if (kind === activationKinds.identity) row[i] = activationKinds.poly;
      });
    }
    return { op: 'MixedActivation', name, inputs, outputs: node.outputs, attributes };
  });
  return { graph: { ...model.graph, nodes }, weights };
}

// Networks as files.

/**
 * For commands that evaluate and compare: writes an untrained resnet8 for 1 x 28 x 28 images and ten
 * classes; returns its path.
 */
export async function writeUntrained(
  folder: string,
  seed: number,
  name = `untrained-${seed}.onnx`,
): Promise<string> {
  const path = join(folder, name);
  await saveModel(path, architectures.resnet8([1, 28, 28], 10, seededRng(seed)));
  return path;
}

/**
 * For commands that answer privately: writes an untrained network for 1 x 28 x 28 images that does so
 * within a second; returns its path.
 */
export async function writeTiny(folder: string, seed = 3): Promise<string> {
  const path = join(folder, 'tiny.onnx');
  const sizes = { inChannels: 1, size: 28, classes: 10, widths: [2, 4], blocks: [1, 1], stemRelu: false };
  await saveModel(path, resnet({ name: 'tiny', ...sizes }, seededRng(seed)));
  return path;
}

/** For calibration: fully connected layers on 1 x 8 x 8 images, of which the first reads the border alone. */
export function borderNet(): Model {
  const net = new NetworkBuilder('border', [1, 8, 8], seededRng('border'));
  const border = net.relu('relu', net.gemm('border', net.flatten('flatten', net.input), 64, 6));
  const model = net.build(net.gemm('fc', border, 6, 3));
  const isBorder = (at: number) => [at >> 3, at & 7].some((place) => place === 0 || place === 7);
  const { shape, data } = model.weights.get('border.weight')!;
  const bordered = tensor(
    shape,
    data.map((w, i) => (isBorder(i % 64) ? Math.abs(w) : 0)),
  );
  return { ...model, weights: new Map([...model.weights, ['border.weight', bordered]]) };
}

/** For refusals: writes a valid .onnx file with two nodes that cannot run privately; returns its path. */
export async function writeUnsupported(folder: string): Promise<string> {
  const value = (name: string) => ({ name, dtype: 'float32' as const, shape: ['N', 1, 28, 28] });
  const node = (op: string, name: string, input: string, output: string) => ({
    op,
    name,
    inputs: [input],
    outputs: [output],
    attributes: {},
  });
  const path = join(folder, 'unsupported.onnx');
  const bytes = encodeRawModel({
    name: 'unsupported',
    inputs: [value('x')],
    outputs: [value('y')],
    initializers: [],
    nodes: [node('Softsign', 'squash', 'x', 'h'), node('Sin', 'wave', 'h', 'y')],
  });
  await writeFileAtomic(path, bytes);
  return path;
}

// A plan written by hand, in integers, with every kind of step and of activation: for the protocol, where
// nothing that the compiler does may move a byte.

/**
 * Input [2, 4, 4] at scale 64 and |x| < 4, so before the activation |x| < 2^8 * 7 * 18 < 2^15; three logits.
 */
const conv: LinearSpec = { ...convolution(2, 2, 4, 3), weightBits: 3 };
const fullyConnected: LinearSpec = { ...convolution(16, 3, 1, 1), weightBits: 5 };

const activation: ActivationSpec = {
  channels: 2,
  channelSize: 16,
  kinds: Uint8Array.from(
    { length: 32 },
    (_, i) => [elementKinds.relu, elementKinds.affine, elementKinds.relu, elementKinds.square][i % 4]!,
  ),
  relu: { truncate: 4, k: 3, bits: 20, mode: 'posZero' },
  affine: { truncate: 6, multiplier: Int32Array.of(3, -5), offset: Int32Array.of(0, 9) },
  square: {
    truncate: 9,
    multiplier: Int32Array.of(1, 2),
    offset: Int32Array.of(-3, 4),
    sign: Int8Array.of(1, -1),
    constant: Int32Array.of(100, -200),
  },
};

export const tinyPlan: Plan = {
  version: planVersion,
  name: 'tiny',
  input: { wire: 0 },
  output: { answer: 'logits', wire: 11 },
  wires: [
    { shape: [2, 4, 4], scale: 64, bits: 8 },
    { shape: [2, 4, 4], scale: 256, bits: 15 },
    { shape: [2, 4, 4], scale: 16, bits: 12 },
    { shape: [2, 4, 4], scale: 16, bits: 12 },
    { shape: [2, 4, 4], scale: 16, bits: 14 },
    { shape: [4, 4, 4], scale: 16, bits: 14 },
    { shape: [4, 2, 2], scale: 64, bits: 16 },
    { shape: [16], scale: 64, bits: 16 },
    { shape: [3], scale: 512, bits: 24 },
    { shape: [2], scale: 512, bits: 24 },
    { shape: [3], scale: 512, bits: 25 },
    { shape: [3], scale: 512, bits: 25 },
  ],
  steps: [
    { kind: 'linear', id: 1, node: 'conv', inputs: [0], output: 1, spec: conv },
    { kind: 'activation', id: 2, node: 'mixed', inputs: [1], output: 2, spec: activation },
    { kind: 'bias', id: 3, node: 'bias', inputs: [2], output: 3 },
    { kind: 'add', id: 4, node: 'add', inputs: [2, 3], output: 4, shifts: [0, 1] },
    { kind: 'concat', id: 5, node: 'concat', inputs: [4, 2], output: 5, shifts: [0, 1], blocks: 1 },
    {
      kind: 'sumPool',
      id: 6,
      node: 'pool',
      inputs: [5],
      output: 6,
      spec: { kernel: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] },
    },
    { kind: 'reshape', id: 7, node: 'flatten', inputs: [6], output: 7 },
    { kind: 'linear', id: 8, node: 'fc', inputs: [7], output: 8, spec: fullyConnected },
    { kind: 'pick', id: 9, node: 'pick', inputs: [8], output: 9, axis: 0, indices: [2, 0] },
    {
      kind: 'combine',
      id: 10,
      node: 'combine',
      inputs: [8, 9],
      output: 10,
      axis: 0,
      first: [0, 1, 2],
      second: [0, 1, 0],
      sign: -1,
    },
    { kind: 'offset', id: 11, node: 'offset', inputs: [10], output: 11, value: -100 },
  ],
};

/** Random weights of the tiny plan; another seed is another model under the same public plan. */
export function tinyWeights(seed = 'tiny weights'): ServerWeights {
  const rng = seededRng(seed);
  const bias = (n: number) => new Int32Array(randomWords(rng, n).buffer).map((word) => word >> 24);
  return new Map([
    [1, { weights: randomWeights(rng, conv), bias: bias(2) }],
    [3, { weights: new Int32Array(), bias: bias(32) }],
    [8, { weights: randomWeights(rng, fullyConnected), bias: bias(3) }],
  ]);
}

/** An image in [-4, 4). */
export function tinyImage(seed = 'tiny image'): Float32Array {
  return Float32Array.from(randomWords(seededRng(seed), 32), (word) => word / 2 ** 29 - 4);
}

/**
 * Batch norms of a fresh network are the identity, and a mistake in them would not show: seeded numbers
 * instead.
 */
function withLivelyStatistics(model: Model): Model {
  const lively = (name: string, v: number) =>
    /\.variance$/.test(name) ? 0.5 + v * v : /\.scale$/.test(name) ? 1 + v / 4 : v / 4;
  const weights = [...model.weights].map(([name, t]) => {
    if (!/\.(variance|scale|mean|bias)$/.test(name)) return [name, t] as const;
    const values = normals(t.data.length, seededRng(name)).map((v) => lively(name, v));
    return [name, tensor(t.shape, values)] as const;
  });
  return { ...model, weights: new Map(weights) };
}

/** Gives each convolution and fully connected layer a random bias. */
function withBiases(model: Model, rng: Rng): Model {
  const weights = new Map(model.weights);
  const nodes = model.graph.nodes.map((node): Node => {
    if (node.op !== 'Conv' && node.op !== 'Gemm') return node;
    const channels = model.weights.get(`${node.name}.weight`)!.shape[0]!;
    weights.set(
      `${node.name}.bias`,
      tensor(
        [channels],
        normals(channels, rng).map((g) => g / 5),
      ),
    );
    return { ...node, inputs: [...node.inputs.slice(0, 2), `${node.name}.bias`] };
  });
  return { graph: { ...model.graph, nodes }, weights };
}
