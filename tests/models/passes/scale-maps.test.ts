import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NetworkBuilder } from '../../../models/architectures/builder.ts';
import { resnet } from '../../../models/architectures/resnet.ts';
import { vgg } from '../../../models/architectures/vgg.ts';
import { inferShapes } from '../../../models/analysis/shapes.ts';
import { countRelus } from '../../../models/analysis/inspect.ts';
import { loadModel } from '../../../models/files/read.ts';
import { scaleMaps } from '../../../models/passes/scale-maps.ts';
import { predict } from '../../../models/runtime/run.ts';
import { relativeDifference } from '../../helpers/differences.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

test('a residual network becomes the one with a stem that halves', () => {
  const options = { name: 'net', inChannels: 3, size: 16, classes: 5, widths: [2, 3], blocks: [1, 1] };
  const net = resnet({ ...options, stemRelu: false }, seededRng('a'));
  const built = resnet({ ...options, stemRelu: false, stemStride: 2 }, seededRng('a'));
  const small = scaleMaps(net, 0.5);
  expect(small.graph).toEqual(built.graph);
  expect(small.weights).toEqual(built.weights);
  expect(countRelus(small) * 4).toBe(countRelus(net)); // rho^2, as in DeepReDuce (Jha et al., ICML 2021)
  expect(scaleMaps(net, 1)).toBe(net);
});

test.each(['resnet', 'vgg-bn', 'mobilenet-v3', 'densenet'])(
  "torchvision's %s runs on smaller maps",
  async (name) => {
    const model = await loadModel(join(import.meta.dirname, `../../fixtures/torchvision/${name}.onnx`));
    const small = scaleMaps(model, 0.5);
    const [input, output] = [small.graph.inputs[0]!, small.graph.outputs[0]!];
    expect(input.shape).toEqual(model.graph.inputs[0]!.shape);
    const images = new Float32Array(input.shape.reduce((a, b) => a * b, 1)).fill(0.4);
    const logits = await predict(small, images, 1, { threads: 1 });
    expect(logits.length).toBe(output.shape[0]);
    expect(countRelus(small)).toBeLessThan(countRelus(model) / 3);
  },
);

/** A 1 x 1 convolution makes a constant image a constant map. */
function flatReader(size: number) {
  const net = new NetworkBuilder('flat', [2, size, size], seededRng('flat'));
  const conv = net.conv('conv', net.input, { inChannels: 2, channels: 3, kernel: 1, stride: 1 });
  const features = net.flatten('flatten', net.relu('relu', conv));
  return net.build(net.gemm('fc', features, 3 * size * size, 4));
}

test.each([8, 7, 5])(
  'what reads a flattened map of %d x %d sums the places that fall together',
  async (size) => {
    const model = flatReader(size);
    const small = scaleMaps(model, 0.5);
    const half = Math.ceil(size / 2);
    expect(inferShapes(small).get('relu')).toEqual([3, half, half]);
    const places = size * size;
    const images = Float32Array.from({ length: 2 * places }, (_, i) => (i < places ? 0.7 : -0.2));
    const [wanted, got] = [await predict(model, images, 1), await predict(small, images, 1)];
    expect(relativeDifference(got, wanted)).toBeLessThan(1e-5);
  },
);

test('an average over the whole map, as a pooling of its size, stays one', () => {
  const net = new NetworkBuilder('pooled', [1, 8, 8], seededRng('p'));
  const conv = net.relu(
    'relu',
    net.conv('conv', net.input, { inChannels: 1, channels: 2, kernel: 3, stride: 1 }),
  );
  const pool = { kernel: [8, 8], strides: [8, 8], pads: [0, 0, 0, 0], dilations: [1, 1] } as const;
  const pooled = net.averagePool('pool', conv, { ...pool, ceilMode: false, countIncludePad: false });
  const small = scaleMaps(net.build(net.gemm('fc', net.flatten('flatten', pooled), 2, 2)), 0.25);
  expect(inferShapes(small).get('relu')).toEqual([2, 2, 2]);
  expect(inferShapes(small).get('pool')).toEqual([2, 1, 1]);
});

test.each([0.3, 0, -1, 2, NaN])('rho %d is refused', (rho) => {
  expect(() => scaleMaps(tinyResnet(), rho)).toThrow(
    /rho: expected 1, 1\/2, 1\/3, \.\.\. \(0\.5, 0\.25\), got/,
  );
});

test('maps that would vanish are refused by the node', () => {
  const options = { name: 'v', inChannels: 1, size: 8, classes: 2, stages: [[2], [2], [2]], hidden: [] };
  const net = vgg({ ...options, batchNorm: true, pool: 'average' }, seededRng('v'));
  expect(() => scaleMaps(net, 0.25)).toThrow(
    /rho 0\.25: maps of 1\/4 the height and width do not fit: node stage2\.pool .*larger than its padded input/,
  );
});

test('a network that reads its image without a convolution is refused by the node', () => {
  const net = new NetworkBuilder('mlp', [1, 4, 4], seededRng('m'));
  const model = net.build(net.gemm('fc', net.flatten('flatten', net.input), 16, 2));
  expect(() => scaleMaps(model, 0.5)).toThrow(
    /node flatten \(Flatten\): it reads the image before any convolution/,
  );
});
