import type { Rng } from '../../src/shared/random.ts';
import type { Model } from '../graph.ts';
import { NetworkBuilder } from './builder.ts';

export type VggOptions = {
  readonly name: string;
  readonly inChannels: number;
  /** Height and width of the images, a multiple of 2 to the power of the number of stages (32 for five). */
  readonly size: number;
  readonly classes: number;
  /** Channels of the convolutions of each stage. */
  readonly stages: readonly (readonly number[])[];
  readonly batchNorm: boolean;
  /** Widths of the hidden fully connected layers: [4096, 4096] in the paper, none for small images. */
  readonly hidden: readonly number[];
  /** The kind of pooling: the paper has the maximum, but only the average runs privately. */
  readonly pool: 'max' | 'average';
};

/** The stages of VGG-16 (Simonyan, Zisserman 2015, table 1, column D). */
export const vgg16Stages: readonly (readonly number[])[] = [
  [64, 64],
  [128, 128],
  [256, 256, 256],
  [512, 512, 512],
  [512, 512, 512],
];

const halving = {
  kernel: [2, 2],
  strides: [2, 2],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  ceilMode: false,
} as const;

/**
 * Builds stages of 3x3 convolutions, each followed by a pool that halves height and width. Throws RangeError
 * for a size that cannot be halved as often.
 */
export function vgg(options: VggOptions, rng: Rng): Model {
  const { name, inChannels, size, classes, stages, hidden } = options;
  const shrink = 2 ** stages.length;
  if (size % shrink !== 0 || size < shrink)
    throw new RangeError(`size: expected a multiple of ${shrink}, got ${size}`);
  const net = new NetworkBuilder(name, [inChannels, size, size], rng);
  let channels = inChannels;
  let x = net.input;
  stages.forEach((widths, stage) => {
    widths.forEach((width, layer) => {
      x = layerOf(net, `stage${stage + 1}.layer${layer}`, x, channels, width, options.batchNorm);
      channels = width;
    });
    x = poolOf(net, `stage${stage + 1}.pool`, x, options.pool);
  });
  x = net.flatten('head.flatten', x);
  let features = channels * (size / shrink) ** 2;
  hidden.forEach((width, i) => {
    x = net.relu(`head.relu${i}`, net.gemm(`head.fc${i}`, x, features, width));
    features = width;
  });
  return net.build(net.gemm('head.fc', x, features, classes));
}

function layerOf(
  net: NetworkBuilder,
  name: string,
  x: string,
  inChannels: number,
  channels: number,
  batchNorm: boolean,
): string {
  const sizes = { inChannels, channels, kernel: 3, stride: 1 };
  const conv = net.conv(`${name}.conv`, x, sizes, {}, !batchNorm);
  return net.relu(`${name}.relu`, batchNorm ? net.batchNorm(`${name}.bn`, conv, channels) : conv);
}

function poolOf(net: NetworkBuilder, name: string, x: string, pool: 'max' | 'average'): string {
  return pool === 'max'
    ? net.maxPool(name, x, halving)
    : net.averagePool(name, x, { ...halving, countIncludePad: false });
}
