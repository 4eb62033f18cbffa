import { DataError } from '../../src/shared/errors.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import { byteImages } from './labelled-images.ts';
import type { Dataset, Split } from './labelled-images.ts';
import { permutation, seededUniform } from './seeded.ts';
import type { Uniform } from './seeded.ts';
import { rowsOfClasses } from './splits.ts';

/** The group column that says which images were shifted, and its two values. */
export const shiftColumn = 'shift';
export const shiftNames = { plain: 'plain', shifted: 'shifted' } as const;

const degrees = 20;
const contrast = 0.5;
/** Standard deviation of the noise, on the scale of 0 to 255. */
const noise = 16;

/**
 * The seeds of the draws. They differ from 1, the seed with which `variants` thins classes; the same draw
 * would shift exactly the images that it keeps.
 */
const seeds: Readonly<Record<Split, number>> = { train: 2, test: 3 };

/**
 * Adds a protected attribute other than the label: a share of each class's images, chosen by a fixed seed, is
 * rotated by 20 degrees to either side, darkened to half the brightness, and gets normal noise of standard
 * deviation 16 (of 255). It stands for people whom a camera serves worse. Training and test images are
 * treated alike. Throws DataError if there is a column of that name.
 */
export function shiftSome(dataset: Dataset, share: number, split: Split): Dataset {
  if (dataset.groups && Object.hasOwn(dataset.groups, shiftColumn))
    throw new DataError(`${dataset.name}: it already has a column '${shiftColumn}'`);
  const size = sizeOf(dataset.shape);
  const images = byteImages(dataset).slice();
  const column = new Array<string>(dataset.n).fill(shiftNames.plain);
  const seed = seeds[split];
  rowsOfClasses(dataset.labels, dataset.classes.length).forEach((rows, label) => {
    const order = permutation(rows.length, seededUniform(seed, label));
    for (const i of order.subarray(0, Math.round(share * rows.length))) {
      const row = rows[i]!;
      column[row] = shiftNames.shifted;
      const image = images.subarray(row * size, (row + 1) * size);
      image.set(shifted(image, dataset.shape, seededUniform(seed, 1000 + row)));
    }
  });
  return { ...dataset, images, groups: { ...dataset.groups, [shiftColumn]: column } };
}

/**
 * Shifts one image of [C, H, W] bytes: rotated about its centre (bilinear, black outside), darker and noisy.
 */
export function shifted(image: Uint8Array, shape: Shape, uniform: Uniform): Uint8Array {
  const [, height = 1, width = 1] = shape;
  const angle = ((uniform() < 0.5 ? -1 : 1) * degrees * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  const [middleY, middleX] = [(height - 1) / 2, (width - 1) / 2];
  return image.map((_, at) => {
    const plane = at - (at % (height * width));
    const y = Math.floor((at - plane) / width) - middleY;
    const x = ((at - plane) % width) - middleX;
    const from = { y: middleY + cos * y + sin * x, x: middleX + cos * x - sin * y };
    const seen = bilinear(image.subarray(plane, plane + height * width), height, width, from);
    return Math.max(0, Math.min(255, Math.round(contrast * seen + noise * normal(uniform))));
  });
}

function bilinear(
  plane: Uint8Array,
  height: number,
  width: number,
  { y, x }: { y: number; x: number },
): number {
  const [top, left] = [Math.floor(y), Math.floor(x)];
  const at = (row: number, column: number) =>
    row >= 0 && row < height && column >= 0 && column < width ? plane[row * width + column]! : 0;
  const [down, right] = [y - top, x - left];
  const above = at(top, left) * (1 - right) + at(top, left + 1) * right;
  const below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
  return above * (1 - down) + below * down;
}

/** A standard normal number (Box and Muller 1958). */
function normal(uniform: Uniform): number {
  return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
