import { UsageError } from '../../src/shared/errors.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';

/**
 * How a model's training data was normalised: mean and standard deviation of pixels in [0, 1], one number for
 * all channels or one per channel.
 */
export type Normalisation = {
  readonly mean: number | readonly number[];
  readonly std: number | readonly number[];
};

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
    `${name}: expected ${channels} numbers, one for each channel, got [${list.join(', ')}]`,
  );
}
