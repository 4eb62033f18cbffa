import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import type { Dataset } from './labelled-images.ts';
import { uniformInt } from './seeded.ts';
import type { Uniform } from './seeded.ts';

export type Augmentation = {
  /** A crop of the image's own size from the image with this many zero pixels around it. */
  readonly cropPadding: number;
  /** Mirror left and right with probability 1/2. */
  readonly flip: boolean;
};

/** Where asked for what training does everywhere: crops with a margin of 4 for 32 pixels, 8 for 64, 2 below 32, and mirroring. */
export function augmentationOf([, , width = 0]: Shape, augment: boolean): Augmentation {
  if (!augment) return { cropPadding: 0, flip: false };
  return { cropPadding: width < 32 ? 2 : Math.floor(width / 8), flip: true };
}

/**
 * Writes the images at `indices` into `out` (indices.length x C x H x W floats in [0, 1]), each cropped and mirrored by its own
 * draw of three numbers. 3 us an image of 3 x 32 x 32: 0.02 % of a step of ResNet-18 on two cores (32 images), 0.2 % of one of ResNet-8
 * (128 of 28 x 28), mixup as much again; so the training loop does it itself, between steps, and no worker thread does.
 */
export function augmentInto(
  out: Float32Array,
  dataset: Dataset,
  indices: ArrayLike<number>,
  { cropPadding, flip }: Augmentation,
  uniform: Uniform,
): void {
  const size = sizeOf(dataset.shape);
  const shift = (): number => uniformInt(uniform, 2 * cropPadding + 1) - cropPadding;
  for (let i = 0; i < indices.length; i++) {
    const image = dataset.images.subarray(indices[i]! * size, (indices[i]! + 1) * size);
    const [down, right] = [shift(), shift()];
    const mirrored = uniform() < 0.5 && flip;
    writeView(out.subarray(i * size, (i + 1) * size), image, dataset.shape, { down, right, mirrored });
  }
}

type View = { readonly down: number; readonly right: number; readonly mirrored: boolean };

/** What a byte is as a float in [0, 1]. */
const fractions = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** The image as seen through a window moved down and right; what lies outside is 0. */
function writeView(
  out: Float32Array,
  image: Uint8Array,
  shape: Shape,
  { down, right, mirrored }: View,
): void {
  const [channels = 1, height = 1, width = 1] = shape;
  const [first, last] = [Math.max(0, -right), Math.min(width, width - right)]; // columns of the window inside the image
  const step = mirrored ? -1 : 1;
  out.fill(0);
  for (let row = 0; row < channels * height; row++) {
    const y = (row % height) + down;
    if (y < 0 || y >= height) continue;
    let to = row * width + (mirrored ? width - 1 - first : first);
    const from = (row + down) * width + right;
    for (let x = first; x < last; x++, to += step) out[to] = fractions[image[from + x]!]!;
  }
}
