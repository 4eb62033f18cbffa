import { sizeOf } from '../tensor.ts';
import type { Dataset } from './dataset.ts';
import { uniformInt } from './seeded.ts';
import type { Uniform } from './seeded.ts';

export type Augmentation = {
  /** A crop of the image's own size from the image with this many zero pixels around it. */
  readonly cropPadding: number;
  /** Mirror left and right with probability 1/2. */
  readonly flip: boolean;
};

/** What CIFAR training does everywhere, with the padding scaled from 4 of 32 pixels to 2 of 28. */
export const cropAndFlip: Augmentation = { cropPadding: 2, flip: true };

export const noAugmentation: Augmentation = { cropPadding: 0, flip: false };

/**
 * Writes the images at `indices` into `out` (indices.length x C x H x W floats in [0, 1]), each cropped and mirrored by its own
 * draw of three numbers.
 */
export function augmentInto(
  out: Float32Array,
  dataset: Dataset,
  indices: ArrayLike<number>,
  augmentation: Augmentation,
  uniform: Uniform,
): void {
  const [channels = 1, height = 1, width = 1] = dataset.shape;
  const size = sizeOf(dataset.shape);
  const { cropPadding, flip } = augmentation;
  for (let i = 0; i < indices.length; i++) {
    const dy = uniformInt(uniform, 2 * cropPadding + 1) - cropPadding;
    const dx = uniformInt(uniform, 2 * cropPadding + 1) - cropPadding;
    const mirrored = uniform() < 0.5 && flip;
    const image = dataset.images.subarray(indices[i]! * size, (indices[i]! + 1) * size);
    for (let c = 0; c < channels; c++) {
      for (let y = 0; y < height; y++) {
        const row = { out: ((i * channels + c) * height + y) * width, y: y + dy, plane: c * height * width };
        const inside = row.y >= 0 && row.y < height;
        for (let x = 0; x < width; x++) {
          const from = (mirrored ? width - 1 - x : x) + dx;
          const visible = inside && from >= 0 && from < width;
          out[row.out + x] = visible ? image[row.plane + row.y * width + from]! / 255 : 0;
        }
      }
    }
  }
}
