import { NetworkBuilder } from '../../models/architectures/builder.ts';
import { normals } from '../../models/architectures/init.ts';
import { activationKinds } from '../../models/graph.ts';
import type { Model, Node } from '../../models/graph.ts';
import { inferShapes } from '../../models/analysis/shapes.ts';
import { sizeOf, tensor } from '../../models/tensor.ts';
import type { Tensor } from '../../models/tensor.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';

/** A residual network with a projection shortcut, 3 x 8 x 8 to 5 classes; ReLU everywhere. */
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

/** The same with ReLUs mixed with identities and polynomials, and one ReLU layer gone altogether. */
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

/** A leaky ReLU, maxima over overlapping windows, a clip, averages over windows of several sizes; 3 x 8 x 8 to 5 classes. */
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

/** Replaces a ReLU by a MixedActivation with random kinds out of `kinds` and coefficients near x^2/4 + x/2 + 1/10. */
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

/** `n` images of the model's input shape with standard normal pixels. */
export function randomImages(model: Model, n: number, rng: Rng): Float32Array<ArrayBuffer> {
  return normals(n * sizeOf(model.graph.inputs[0]!.shape), rng) as Float32Array<ArrayBuffer>;
}
