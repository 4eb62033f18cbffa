import type { Rng } from '../../src/shared/random.ts';
import type { Model } from '../graph.ts';
import { NetworkBuilder } from './builder.ts';

export type WideResnetOptions = {
  readonly name: string;
  readonly inChannels: number;
  /** Height and width of the images. */
  readonly size: number;
  readonly classes: number;
  /** The number of layers, 6 n + 4 for n blocks per stage. */
  readonly depth: number;
  /** The ratio of a stage's channels to those of a ResNet: 8 gives 128, 256, 512. */
  readonly widen: number;
  /**
   * Whether to keep the last ReLU. SNL (Cho et al., ICML 2022) and the papers that compare with it count the
   * network without it.
   */
  readonly lastRelu: boolean;
};

/**
 * Builds a wide residual network (Zagoruyko, Komodakis 2016): three stages of n blocks, with batch norm and
 * ReLU before each convolution. Throws RangeError for a depth that is not 6 n + 4.
 */
export function wideResnet(options: WideResnetOptions, rng: Rng): Model {
  const { name, inChannels, size, classes, depth, widen, lastRelu } = options;
  const blocks = (depth - 4) / 6;
  if (!Number.isInteger(blocks) || blocks < 1) throw new RangeError(`depth: expected 6 n + 4, got ${depth}`);
  const net = new NetworkBuilder(name, [inChannels, size, size], rng);
  let channels = 16;
  let x = net.conv('stem.conv', net.input, { inChannels, channels, kernel: 3, stride: 1 });
  [16 * widen, 32 * widen, 64 * widen].forEach((width, stage) => {
    for (let block = 0; block < blocks; block++) {
      const stride = stage > 0 && block === 0 ? 2 : 1;
      const sizes = { inChannels: channels, channels: width, kernel: 3, stride };
      x = preActivationBlock(net, `stage${stage + 1}.block${block}`, x, sizes);
      channels = width;
    }
  });
  const normed = net.batchNorm('head.bn', x, channels);
  const last = lastRelu ? net.relu('head.relu', normed) : normed;
  const features = net.flatten('head.flatten', net.globalAveragePool('head.pool', last));
  return net.build(net.gemm('head.fc', features, channels, classes));
}

type BlockSizes = { inChannels: number; channels: number; kernel: number; stride: number };

/**
 * The block conv(relu(bn(conv(a)))) + shortcut with a = relu(bn(x)). The shortcut is x if the shapes agree,
 * else a 1x1 convolution of a.
 */
function preActivationBlock(net: NetworkBuilder, name: string, x: string, sizes: BlockSizes): string {
  const { inChannels, channels, stride } = sizes;
  const a = net.relu(`${name}.relu1`, net.batchNorm(`${name}.bn1`, x, inChannels));
  const conv1 = net.conv(`${name}.conv1`, a, sizes);
  const b = net.relu(`${name}.relu2`, net.batchNorm(`${name}.bn2`, conv1, channels));
  const conv2 = net.conv(`${name}.conv2`, b, { inChannels: channels, channels, kernel: 3, stride: 1 });
  const same = stride === 1 && inChannels === channels;
  const shortcut = same ? x : net.conv(`${name}.shortcut`, a, { ...sizes, kernel: 1 });
  return net.add(`${name}.add`, conv2, shortcut);
}
