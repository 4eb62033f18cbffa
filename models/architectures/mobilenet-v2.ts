import type { Rng } from '../../src/shared/random.ts';
import type { Model } from '../graph.ts';
import { NetworkBuilder } from './builder.ts';

export type MobilenetV2Options = {
  readonly name: string;
  readonly inChannels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
  readonly stemStride: 1 | 2;
  /** The stride of each of the seven groups of blocks. */
  readonly strides: readonly number[];
  /** Whether to use the paper's ReLU6 instead of ReLU; only ReLU runs privately. */
  readonly relu6: boolean;
};

/** Expansion, channels and blocks of each group (Sandler et al. 2018, table 2). */
const groups = [
  [1, 16, 1],
  [6, 24, 2],
  [6, 32, 3],
  [6, 64, 4],
  [6, 96, 3],
  [6, 160, 3],
  [6, 320, 1],
] as const;

/** The strides of table 2, for images of 224 x 224. */
export const imagenetStrides: readonly number[] = [1, 2, 2, 2, 1, 2, 1];

/**
 * Strides with one halving fewer than table 2; with stemStride 1, which saves another, they suit images of 32
 * x 32.
 */
export const smallImageStrides: readonly number[] = [1, 1, 2, 2, 1, 2, 1];

/**
 * Builds a MobileNetV2: inverted residuals with linear bottlenecks. Throws RangeError unless there are seven
 * strides.
 */
export function mobilenetV2(options: MobilenetV2Options, rng: Rng): Model {
  const { name, inChannels, size, classes, stemStride, strides } = options;
  if (strides.length !== groups.length)
    throw new RangeError(`strides: expected ${groups.length}, got ${strides.length}`);
  const net = new NetworkBuilder(name, [inChannels, size, size], rng);
  const layer = layerOf(net, options.relu6);
  let x = layer('stem', net.input, { inChannels, channels: 32, kernel: 3, stride: stemStride });
  let channels = 32;
  groups.forEach(([expansion, width, blocks], group) => {
    for (let block = 0; block < blocks; block++) {
      const stride = block === 0 ? strides[group]! : 1;
      x = invertedResidual(net, layer, `stage${group + 1}.block${block}`, x, {
        channels,
        width,
        expansion,
        stride,
      });
      channels = width;
    }
  });
  const last = layer('last', x, { inChannels: channels, channels: 1280, kernel: 1, stride: 1 });
  const features = net.flatten('head.flatten', net.globalAveragePool('head.pool', last));
  return net.build(net.gemm('head.fc', features, 1280, classes));
}

type Sizes = { inChannels: number; channels: number; kernel: number; stride: number; group?: number };
type Layer = (name: string, x: string, sizes: Sizes) => string;

/** Returns a function that adds relu(bn(conv(x))). */
function layerOf(net: NetworkBuilder, relu6: boolean): Layer {
  return (name, x, { group = 1, ...sizes }) => {
    const normed = net.batchNorm(`${name}.bn`, net.conv(`${name}.conv`, x, sizes, { group }), sizes.channels);
    return relu6 ? net.clip(`${name}.relu`, normed, 0, 6) : net.relu(`${name}.relu`, normed);
  };
}

type BlockSizes = { channels: number; width: number; expansion: number; stride: number };

/**
 * A block: a 1x1 convolution expands, a 3x3 convolution filters each channel, and a 1x1 convolution projects
 * back without activation. The input is added if the shapes agree.
 */
function invertedResidual(
  net: NetworkBuilder,
  layer: Layer,
  name: string,
  x: string,
  { channels, width, expansion, stride }: BlockSizes,
): string {
  const inner = channels * expansion;
  const expanded =
    expansion === 1
      ? x
      : layer(`${name}.expand`, x, { inChannels: channels, channels: inner, kernel: 1, stride: 1 });
  const sizes = { inChannels: inner, channels: inner, kernel: 3, stride, group: inner };
  const filtered = layer(`${name}.depthwise`, expanded, sizes);
  const projected = net.conv(`${name}.project`, filtered, {
    inChannels: inner,
    channels: width,
    kernel: 1,
    stride: 1,
  });
  const normed = net.batchNorm(`${name}.project.bn`, projected, width);
  return stride === 1 && channels === width ? net.add(`${name}.add`, normed, x) : normed;
}
