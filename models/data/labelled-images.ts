import { DataError } from '../../src/shared/errors.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';

/**
 * Labelled images of one shape. `images` holds n x C x H x W bytes in row-major order; `labels[i]` is an
 * index into `classes`.
 */
export type Dataset = {
  readonly name: string;
  readonly classes: readonly string[];
  /** [C, H, W] */
  readonly shape: Shape;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
  readonly n: number;
  /** Public columns besides the label, such as race: by name, one string per row (default: none). */
  readonly groups?: Columns;
};

export type Columns = Readonly<Record<string, readonly string[]>>;

export type Split = 'train' | 'test';

export type LoadOptions = {
  /** The only folder to look in for the files of a named data set (default: its usual folders). */
  readonly folder?: string;
  /** The folder for decoded images (default: one below `cacheFolder`). */
  readonly cache?: string;
  readonly onProgress?: OnProgress;
};

/** The most classes of a data set, because a label is a byte. */
export const maxClasses = 256;

/**
 * The pixels of the chosen images (default: all) as floats in [0, 1], n x C x H x W. Throws DataError for an
 * index out of range.
 */
export function pixels(dataset: Dataset, indices?: ArrayLike<number>): Float32Array {
  const size = sizeOf(dataset.shape);
  const count = indices?.length ?? dataset.n;
  const result = new Float32Array(count * size);
  for (let i = 0; i < count; i++) {
    const from = checkedIndex(dataset, indices?.[i] ?? i) * size;
    for (let p = 0; p < size; p++) result[i * size + p] = dataset.images[from + p]! / 255;
  }
  return result;
}

/** The rows at `indices`, in that order. Throws DataError for an index out of range. */
export function subset(dataset: Dataset, indices: ArrayLike<number>, name = dataset.name): Dataset {
  const size = sizeOf(dataset.shape);
  const images = new Uint8Array(indices.length * size);
  const labels = new Uint8Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const row = checkedIndex(dataset, indices[i]!);
    images.set(dataset.images.subarray(row * size, (row + 1) * size), i * size);
    labels[i] = dataset.labels[row]!;
  }
  const groups = dataset.groups && { groups: rowsOfColumns(dataset.groups, indices) };
  return { ...dataset, name, images, labels, n: indices.length, ...groups };
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
 * more than 256.
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
export function numberedClasses(...labels: readonly Uint8Array[]): string[] {
  const highest = labels.reduce((top, list) => list.reduce((a, b) => Math.max(a, b), top), 0);
  return Array.from({ length: highest + 1 }, (_, i) => String(i));
}
