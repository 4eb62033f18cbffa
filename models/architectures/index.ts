import type { Rng } from '../../src/shared/random.ts';
import { UsageError } from '../../src/shared/errors.ts';
import type { Model } from '../graph.ts';
import type { Shape } from '../tensor.ts';
import { mobilenetV2, smallImageStrides } from './mobilenet-v2.ts';
import { resnet } from './resnet.ts';
import type { ResnetOptions } from './resnet.ts';
import { vgg, vgg16Stages } from './vgg.ts';
import { wideResnet } from './wide-resnet.ts';

/**
 * Builds an untrained network for images of `inShape` [C, size, size]. Throws UsageError for images that are
 * not square.
 */
export type Architecture = (inShape: Shape, classes: number, rng: Rng) => Model;

/** The networks that `--architecture` offers; tests/models/architectures has their ReLU counts. */
export const architectures = {
  resnet8: residual('resnet8', [16, 32, 64], [1, 1, 1]),
  resnet20: residual('resnet20', [16, 32, 64], [3, 3, 3]),
  resnet32: residual('resnet32', [16, 32, 64], [5, 5, 5]),
  resnet18: residual('resnet18', [64, 128, 256, 512], [2, 2, 2, 2]),
  resnet34: residual('resnet34', [64, 128, 256, 512], [3, 4, 6, 3]),
  'wide-resnet10-2': wide('wide-resnet10-2', 10, 2),
  'wide-resnet22-8': wide('wide-resnet22-8', 22, 8),
  vgg16: plain('vgg16', false),
  'vgg16-bn': plain('vgg16-bn', true),
  mobilenetv2: (inShape, classes, rng) => {
    const net = {
      name: 'mobilenetv2',
      classes,
      stemStride: 1,
      strides: smallImageStrides,
      relu6: false,
    } as const;
    return mobilenetV2({ ...net, ...squareImages(inShape) }, rng);
  },
} as const satisfies Record<string, Architecture>;

export type ArchitectureName = keyof typeof architectures;

function residual(name: string, widths: readonly number[], blocks: readonly number[]): Architecture {
  return (inShape, classes, rng) => {
    const options: ResnetOptions = {
      name,
      ...squareImages(inShape),
      classes,
      widths,
      blocks,
      stemRelu: true,
    };
    return resnet(options, rng);
  };
}

/** A wide residual network without the last ReLU, as SNL counts its ReLUs. */
function wide(name: string, depth: number, widen: number): Architecture {
  return (inShape, classes, rng) =>
    wideResnet({ name, classes, depth, widen, lastRelu: false, ...squareImages(inShape) }, rng);
}

/** VGG-16 as it is used on small images: with average pools, and without hidden fully connected layers. */
function plain(name: string, batchNorm: boolean): Architecture {
  return (inShape, classes, rng) => {
    const images = squareImages(inShape);
    if (images.size % 32 !== 0)
      throw new UsageError(`${name}: expected images whose size is a multiple of 32, got ${images.size}`);
    const net = { name, classes, stages: vgg16Stages, batchNorm, hidden: [], pool: 'average' } as const;
    return vgg({ ...net, ...images }, rng);
  };
}

function squareImages(shape: Shape): { inChannels: number; size: number } {
  const [inChannels, height, width] = shape;
  if (shape.length !== 3 || inChannels === undefined || height === undefined || height !== width)
    throw new UsageError(`expected square images [C, size, size], got [${shape.join(', ')}]`);
  return { inChannels, size: height };
}
