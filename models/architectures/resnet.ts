import type { Rng } from '../../src/shared/random.ts';
import type { Model } from '../graph.ts';
import { NetworkBuilder } from './builder.ts';

export type ResnetOptions = {
  readonly name: string;
  readonly inChannels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
  /** Channels of each stage. Every stage after the first halves height and width. */
  readonly widths: readonly number[];
  /** Basic blocks in each stage. */
  readonly blocks: readonly number[];
  /**
   * Whether the stem has a ReLU. DeepReDuce (ICML 2021), SNL (ICML 2022) and AutoReP (ICCV 2023) count
   * networks without it.
   */
  readonly stemRelu: boolean;
  /**
   * Stride of the stem's convolution (default: 1). With 2, height and width of every feature map are halved,
   * which is DeepReDuce's rho = 0.5.
   */
  readonly stemStride?: number;
};

/**
 * Builds a residual network for small images (He et al. 2016, section 4.2), with a 3x3 stem, basic blocks and
 * projection shortcuts.
 */
export function resnet(options: ResnetOptions, rng: Rng): Model {
  const { name, inChannels, size, widths, blocks } = options;
  const net = new NetworkBuilder(name, [inChannels, size, size], rng);
  let channels = widths[0]!;
  const stemSizes = { inChannels, channels, kernel: 3, stride: options.stemStride ?? 1 };
  let x = net.batchNorm('stem.bn', net.conv('stem.conv', net.input, stemSizes), channels);
  if (options.stemRelu) x = net.relu('stem.relu', x);
  widths.forEach((width, stage) => {
    for (let block = 0; block < blocks[stage]!; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      x = basicBlock(net, `stage${stage + 1}.block${block}`, x, channels, width, stride);
      channels = width;
    }
  });
  const features = net.flatten('head.flatten', net.globalAveragePool('head.pool', x));
  return net.build(net.gemm('head.fc', features, channels, options.classes));
}

/** The block relu(bn(conv(relu(bn(conv(x))))) + shortcut(x)). */
function basicBlock(
  net: NetworkBuilder,
  name: string,
  x: string,
  inChannels: number,
  channels: number,
  stride: number,
): string {
  const conv1 = net.conv(`${name}.conv1`, x, { inChannels, channels, kernel: 3, stride });
  const relu1 = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, conv1, channels));
  const conv2 = net.conv(`${name}.conv2`, relu1, { inChannels: channels, channels, kernel: 3, stride: 1 });
  const main = net.batchNorm(`${name}.bn2`, conv2, channels);
  const same = stride === 1 && inChannels === channels;
  const shortcut = same ? x : projection(net, name, x, { inChannels, channels, kernel: 1, stride });
  return net.relu(`${name}.relu2`, net.add(`${name}.add`, main, shortcut));
}

function projection(
  net: NetworkBuilder,
  name: string,
  x: string,
  sizes: { inChannels: number; channels: number; kernel: number; stride: number },
): string {
  const conv = net.conv(`${name}.shortcut.conv`, x, sizes);
  return net.batchNorm(`${name}.shortcut.bn`, conv, sizes.channels);
}
