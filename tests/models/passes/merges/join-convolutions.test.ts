import { expect, test } from 'vitest';
import { NetworkBuilder } from '../../../../models/architectures/builder.ts';
import { normals } from '../../../../models/architectures/init.ts';
import { inferShapes, verifyModel } from '../../../../models/analysis/shapes.ts';
import { activationKinds } from '../../../../models/graph.ts';
import type { Model } from '../../../../models/graph.ts';
import { joinConvolutions } from '../../../../models/passes/merges/join-convolutions.ts';
import { replaceActivation } from '../../../../models/passes/replace-relu.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { tensor } from '../../../../models/tensor.ts';
import { relativeDifference } from '../../../helpers/differences.ts';
import { seededRng } from '../../../helpers/rng.ts';

const channels = 4;
const rng = seededRng('join');
const lines = {
  slope: Float64Array.from(normals(channels, rng)),
  shift: Float64Array.from(normals(channels, rng)),
};

/** conv, batch norm if asked for, relu, conv: [3, 12, 12] to [4, size, size]. */
function pair(options: { norm?: boolean; stride?: number; kernel?: number }): Model {
  const { norm = true, stride = 1, kernel = 3 } = options;
  const net = new NetworkBuilder('pair', [3, 12, 12], seededRng('pair'));
  const conv1 = net.conv('conv1', net.input, { inChannels: 3, channels, kernel: 3, stride });
  const relu = net.relu('relu', norm ? net.batchNorm('bn', conv1, channels) : conv1);
  const conv2 = net.conv('conv2', relu, { inChannels: channels, channels, kernel, stride: 1 });
  return unsettled(net.build(net.batchNorm('bn2', conv2, channels)));
}

/** With batch norms of which no parameter is 0 or 1. */
function unsettled(model: Model): Model {
  const isOfNorm = (name: string) => /^bn\d?\./.test(name);
  const weights = [...model.weights].map(([name, { shape, data }]) => {
    const moved = Float32Array.from(normals(data.length, rng), (value) => 0.5 + value ** 2);
    return [name, isOfNorm(name) ? tensor(shape, moved) : { shape, data }] as const;
  });
  return { ...model, weights: new Map(weights) };
}

/** The network with the lines in place of its ReLUs and both convolutions. */
function withLines(model: Model): Model {
  const relu = model.graph.nodes.find(({ name }) => name === 'relu')!;
  const size = inferShapes(model)
    .get(relu.outputs[0]!)!
    .reduce((a, b) => a * b);
  const [c1, c0] = [Float32Array.from(lines.slope), Float32Array.from(lines.shift)];
  const kinds = new Uint8Array(size).fill(activationKinds.poly);
  return replaceActivation(model, 'relu', { kinds, c2: new Float32Array(channels), c1, c0 });
}

const images = normals(2 * 3 * 12 * 12, seededRng('images'));
const answers = (model: Model) => predict(model, images, 2);

/** The values at least one place from the border of each map. */
function interior(values: Float32Array): Float32Array {
  const side = Math.sqrt(values.length / (2 * channels));
  const isInside = (i: number) => i > 0 && i < side - 1;
  return values.filter((_, i) => isInside(i % side) && isInside(Math.floor(i / side) % side));
}

test.each([
  ['a batch norm between', {}],
  ['no batch norm', { norm: false }],
  ['a stride', { stride: 2 }],
])('with %s the joined network is equal in the interior, and differs at the border', async (_, options) => {
  const model = pair(options);
  const joined = joinConvolutions(model, 'relu', lines)!;
  verifyModel(joined);
  expect(joined.graph.nodes.map(({ name }) => name)).toEqual(['conv2', 'bn2']);
  const [ours, theirs] = [await answers(joined), await answers(withLines(model))];
  expect(ours).toHaveLength(theirs.length);
  expect(relativeDifference(interior(ours), interior(theirs))).toBeLessThan(1e-5);
  expect(relativeDifference(ours, theirs)).toBeGreaterThan(1e-2);
});

test('where the second convolution does not pad, it is equal at the border too', async () => {
  const model = pair({ kernel: 1 });
  const joined = joinConvolutions(model, 'relu', lines)!;
  expect(relativeDifference(await answers(joined), await answers(withLines(model)))).toBeLessThan(1e-5);
});

test('a value that other nodes read, a neighbour that is no convolution, and a layer that is none', () => {
  const net = new NetworkBuilder('others', [3, 12, 12], seededRng('others'));
  const conv = (name: string, x: string, inChannels: number) =>
    net.conv(name, x, { inChannels, channels, kernel: 3, stride: 1 });
  const read = conv('conv1', net.input, 3);
  const second = conv('conv2', net.relu('read before', read), channels);
  const twice = net.relu('read twice', second);
  const third = net.add('add', net.add('add1', conv('conv3', twice, channels), twice), read);
  const last = net.relu('before a pool', conv('conv4', third, channels));
  const model = net.build(net.flatten('flatten', net.globalAveragePool('pool', last)));
  for (const layer of ['read before', 'read twice', 'before a pool', 'conv2', 'nothing'])
    expect(joinConvolutions(model, layer, lines)).toBeUndefined();
});
