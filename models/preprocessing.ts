import { UsageError } from '../src/shared/errors.ts';
import { sizeOf } from './tensor.ts';
import type { Shape } from './tensor.ts';

/**
 * What a network's images go through before its first layer: x = (pixel - mean) / std for each channel, with
 * pixels from 0 to 1. It is public, because the client applies it.
 */
export type Preprocessing = {
  /** One number for each channel of the input. */
  readonly mean: readonly number[];
  /** One number above 0 for each channel of the input. */
  readonly std: readonly number[];
  /**
   * The length to which a picture's shorter side is scaled before the centre is cropped to the input's size
   * (default: the smallest at which the picture covers the input).
   */
  readonly resize?: number;
};

/**
 * How a model's training data was normalised: mean and standard deviation of pixels in [0, 1], one number for
 * all channels or one per channel.
 */
export type Normalisation = {
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
};

/** The names of `normalisations`. */
export const normalisationNames = ['imagenet', 'cifar10', 'unit', 'symmetric', '255'] as const;
export type NormalisationName = (typeof normalisationNames)[number];

/** Numbers that most trained networks use. */
export const normalisations = {
  /** torchvision's: means and standard deviations of ImageNet. */
  imagenet: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  /** Those of CIFAR-10's training images. */
  cifar10: { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  /** Values from 0 to 1, as they are. */
  unit: { mean: 0, std: 1 },
  /** Values from -1 to 1. */
  symmetric: { mean: 0.5, std: 0.5 },
  /** Values from 0 to 255. */
  255: { mean: 0, std: 1 / 255 },
} as const satisfies Readonly<Record<NormalisationName, Normalisation>>;

/** The preprocessing of a network whose input has this shape. Throws UsageError if the numbers do not fit. */
export function preprocessingOf(
  shape: Shape,
  { mean, std, resize }: Normalisation & { readonly resize?: number },
): Preprocessing {
  const channels = shape[0] ?? 1;
  const [means, stds] = [perChannel('mean', mean, channels), perChannel('std', std, channels)];
  const wrong = stds.find((value) => !(value > 0));
  if (wrong !== undefined) throw new UsageError(`std: expected numbers above 0, got ${wrong}`);
  const longest = Math.max(...shape.slice(1));
  if (resize !== undefined && !(resize >= longest))
    throw new UsageError(`resize: expected at least ${longest}, the size of the input, got ${resize}`);
  return { mean: means, std: stds, ...(resize !== undefined && { resize }) };
}

/** Whether images of this shape have as many channels as a preset has numbers. */
export function fitsNormalisation(shape: Shape, { mean }: Normalisation): boolean {
  return typeof mean === 'number' || mean.length === shape[0];
}

/**
 * Turns n images of `shape` with pixels in [0, 1] into a network's input. This is the only place that does:
 * clients, training, evaluation and calibration all come here.
 */
export function preprocess(
  images: Float32Array,
  shape: Shape,
  preprocessing: Preprocessing | undefined,
): Float32Array {
  return preprocessing === undefined ? images : normalise(images, shape, preprocessing);
}

/**
 * Normalises images [n, C, H, W] with pixels in [0, 1] to (x - mean) / std per channel, for a model trained
 * on such images. `shape` is [C, H, W]. Throws UsageError if the numbers are not one per channel or a `std`
 * is 0.
 */
export function normalise(images: Float32Array, shape: Shape, { mean, std }: Normalisation): Float32Array {
  const [channels = 0, ...plane] = shape;
  const [means, stds] = [perChannel('mean', mean, channels), perChannel('std', std, channels)];
  if (stds.includes(0)) throw new UsageError('std: expected numbers other than 0, got 0');
  const size = sizeOf(plane);
  return images.map((value, i) => {
    const channel = Math.floor(i / size) % channels;
    return (value - means[channel]!) / stds[channel]!;
  });
}

function perChannel(name: string, values: number | readonly number[], channels: number): readonly number[] {
  const list = typeof values === 'number' ? new Array<number>(channels).fill(values) : values;
  if (list.length === channels && list.every(Number.isFinite)) return list;
  throw new UsageError(
    `${name}: expected ${channels === 1 ? 'one number for the only channel' : `${channels} numbers, one for each channel`}, ` +
      `got [${list.join(', ')}]`,
  );
}
