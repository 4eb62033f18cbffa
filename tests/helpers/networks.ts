import { NetworkBuilder } from '../../models/architectures/builder.ts';
import type { ConvSizes } from '../../models/architectures/builder.ts';
import { normals } from '../../models/architectures/init.ts';
import { resnet } from '../../models/architectures/resnet.ts';
import { vgg } from '../../models/architectures/vgg.ts';
import type { Model } from '../../models/graph.ts';
import { tensor } from '../../models/tensor.ts';
import { seededRng } from './rng.ts';

/** A residual network of two stages on 2 x 8 x 8 images: small enough for a test, with all that a big one has. */
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

/** As torchvision builds a VGG with batch normalisation, maximum pooling included: two stages on 2 x 8 x 8 images. */
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

/** As MobileNetV2 is built, ReLU6 and depthwise convolutions included, of two inverted residuals. */
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

/** Batch norms of a fresh network are the identity, and a mistake in them would not show: seeded numbers instead. */
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

/** The largest absolute difference of two arrays of one length. */
export function maximumDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new RangeError(`lengths ${a.length} and ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = difference; // NaN counts as a difference
  }
  return largest;
}

/** The largest absolute difference over the largest size of the second array's values. */
export function relativeDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return maximumDifference(a, b) / Array.from(b).reduce((largest, v) => Math.max(largest, Math.abs(v)), 0);
}
