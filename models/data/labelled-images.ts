import { DataError } from '../../src/shared/errors.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';

/**
 * Labelled images of one shape, or rows of numbers. `images` holds n x C x H x W values in row-major order:
 * bytes, which are 255 times a pixel, or floats, which are taken as they are. `labels[i]` is an index into
 * `classes`.
 */
export type Dataset = {
  readonly name: string;
  readonly classes: readonly string[];
  /** [C, H, W], or [C] for rows of numbers */
  readonly shape: Shape;
  readonly images: Uint8Array | Float32Array;
  readonly labels: Labels;
  readonly n: number;
  /** Public columns besides the label, such as race: by name, one string per row (default: none). */
  readonly groups?: Columns;
  /**
   * Where the numbers of the classes come from if the data itself has only names: `classes` are sorted names
   * of folders, or of a column (default: the data numbers its classes).
   */
  readonly classOrder?: 'folders' | 'names';
};

/** One number for each image, in two bytes only if there are more than 256 classes. */
export type Labels = Uint8Array | Uint16Array;

/** Labels of at most `classes` classes, made from those of `given`. */
export function labelsOf(
  classes: number,
  given: ArrayLike<number>,
  number: (value: number) => number = (value) => value,
): Labels {
  const labels = classes > 256 ? new Uint16Array(given.length) : new Uint8Array(given.length);
  for (let i = 0; i < given.length; i++) labels[i] = number(given[i]!);
  return labels;
}

export type Columns = Readonly<Record<string, readonly string[]>>;

export type Split = 'train' | 'test';

export type LoadOptions = {
  /** The only folder to look in for the files of a named data set (default: its usual folders). */
  readonly folder?: string;
  /**
   * The length to which a picture's shorter side is scaled before it is cropped to the size in the spec
   * (default: the smallest at which it covers the size). A model's own is `graph.preprocessing?.resize`.
   */
  readonly resize?: number;
  /** The folder for decoded images (default: one below `cacheFolder`). */
  readonly cache?: string;
  readonly onProgress?: OnProgress;
};

/** The most classes of a data set, because a label has two bytes. */
export const maxClasses = 65_536;

/**
 * The pixels of the chosen images (default: all) as floats, n x C x H x W: bytes become [0, 1]. Throws
 * DataError for an index out of range.
 */
export function pixels(dataset: Dataset, indices?: ArrayLike<number>): Float32Array {
  const size = sizeOf(dataset.shape);
  const count = indices?.length ?? dataset.n;
  const result = new Float32Array(count * size);
  const unit = unitOf(dataset.images);
  for (let i = 0; i < count; i++) {
    const from = checkedIndex(dataset, indices?.[i] ?? i) * size;
    for (let p = 0; p < size; p++) result[i * size + p] = dataset.images[from + p]! / unit;
  }
  return result;
}

/** The value of a pixel of 1. */
export function unitOf(images: Dataset['images']): number {
  return images instanceof Uint8Array ? 255 : 1;
}

/** The images as bytes. Throws DataError for floats. */
export function byteImages({ name, images }: Dataset): Uint8Array {
  if (images instanceof Uint8Array) return images;
  throw new DataError(`${name}: expected images of bytes, got floats`);
}

/** The number of images of each class. */
export function classCounts({ labels, classes }: Dataset): Uint32Array {
  const counts = new Uint32Array(classes.length);
  labels.forEach((label) => counts[label]!++);
  return counts;
}

/** The rows at `indices`, in that order. Throws DataError for an index out of range. */
export function subset(dataset: Dataset, indices: ArrayLike<number>, name = dataset.name): Dataset {
  const size = sizeOf(dataset.shape);
  const images = sameKind(dataset.images, indices.length * size);
  const labels = labelsOf(dataset.classes.length, new Uint16Array(indices.length));
  for (let i = 0; i < indices.length; i++) {
    const row = checkedIndex(dataset, indices[i]!);
    images.set(dataset.images.subarray(row * size, (row + 1) * size), i * size);
    labels[i] = dataset.labels[row]!;
  }
  const groups = dataset.groups && { groups: rowsOfColumns(dataset.groups, indices) };
  return { ...dataset, name, images, labels, n: indices.length, ...groups };
}

/** Zeros of the kind of `images`. */
export function sameKind(images: Dataset['images'], length: number): Dataset['images'] {
  return images instanceof Uint8Array ? new Uint8Array(length) : new Float32Array(length);
}

function rowsOfColumns(columns: Columns, indices: ArrayLike<number>): Columns {
  const take = (values: readonly string[]) => Array.from(indices, (row) => values[row]!);
  return Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, take(values)]));
}

function checkedIndex(dataset: Dataset, index: number): number {
  if (Number.isInteger(index) && index >= 0 && index < dataset.n) return index;
  throw new DataError(`${dataset.name}: expected an image number from 0 to ${dataset.n - 1}, got ${index}`);
}

/**
 * The distinct names, sorted as numbers if all are numbers, else by their characters. Throws DataError for
 * more than 65,536.
 */
export function classNames(name: string, labels: Iterable<string>): string[] {
  const names = [...new Set(labels)];
  const numbers = names.every((label) => /^\d{1,15}$/.test(label));
  const sorted = numbers ? names.sort((a, b) => Number(a) - Number(b)) : names.sort();
  if (sorted.length > maxClasses) {
    throw new DataError(`${name}: expected at most ${maxClasses} classes, got ${sorted.length}`);
  }
  return sorted;
}

/** The class names '0', '1', ... up to the highest label. */
export function numberedClasses(...labels: readonly ArrayLike<number>[]): string[] {
  let highest = 0;
  for (const list of labels) for (let i = 0; i < list.length; i++) highest = Math.max(highest, list[i]!);
  return Array.from({ length: highest + 1 }, (_, i) => String(i));
}
