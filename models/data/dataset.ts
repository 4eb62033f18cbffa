import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { DataError } from '../../src/shared/errors.ts';
import { packageRoot } from '../../src/shared/files.ts';
import type { Shape } from '../tensor.ts';
import { sizeOf } from '../tensor.ts';
import { readIdx } from './idx.ts';

/** Labelled images of one shape. `images` holds n x C x H x W bytes, row-major; `labels[i]` indexes `classes`. */
export type Dataset = {
  readonly name: string;
  readonly classes: readonly string[];
  /** [C, H, W] */
  readonly shape: Shape;
  readonly images: Uint8Array;
  readonly labels: Uint8Array;
  readonly n: number;
};

export type Split = 'train' | 'test';

export const fashionClasses = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
] as const;

/** Names of the IDX files, as everyone who mirrors MNIST-like data calls them. */
export const idxFiles: Record<Split, { readonly images: string; readonly labels: string }> = {
  train: { images: 'train-images-idx3-ubyte.gz', labels: 'train-labels-idx1-ubyte.gz' },
  test: { images: 't10k-images-idx3-ubyte.gz', labels: 't10k-labels-idx1-ubyte.gz' },
};

export type LoadOptions = {
  /** Look for the files of a named data set here and nowhere else. */
  readonly folder?: string;
};

/**
 * Loads a data set. `spec` is
 * - `fashion-mnist`: all of it, from Debian's package dataset-fashion-mnist or from where `fetchDataset` puts it;
 * - `fashion-mnist-part`: the part that comes with this package (its README says which rows);
 * - `idx:IMAGES,LABELS`: two IDX files, gzip or plain, for whichever split is asked for; classes are named by number.
 *
 * Throws DataError for a spec it does not know, and for files that are absent, malformed or do not match.
 */
export async function loadDataset(spec: string, split: Split, options: LoadOptions = {}): Promise<Dataset> {
  if (spec.startsWith('idx:')) return loadIdxPair(spec);
  const folders = foldersOf(spec, options);
  const files = idxFiles[split];
  const folder = folders.find((f) => existsSync(join(f, files.images)) && existsSync(join(f, files.labels)));
  if (folder === undefined) throw absent(spec, folders);
  const pair = { images: join(folder, files.images), labels: join(folder, files.labels) };
  return readPair(`${spec} (${split})`, pair, fashionClasses);
}

/** Where `fetchDataset` puts the files of a data set: under $XDG_CACHE_HOME, or ~/.cache. */
export function cacheFolder(name: string): string {
  const cache = process.env['XDG_CACHE_HOME'];
  const root = cache === undefined || cache === '' ? join(homedir(), '.cache') : cache;
  return join(root, 'reluctant', name);
}

/** Pixels of the chosen images (all of them by default) as floats in [0, 1], n x C x H x W. */
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

/** The rows at `indices`, in that order. */
export function subset(dataset: Dataset, indices: ArrayLike<number>, name = dataset.name): Dataset {
  const size = sizeOf(dataset.shape);
  const images = new Uint8Array(indices.length * size);
  const labels = new Uint8Array(indices.length);
  for (let i = 0; i < indices.length; i++) {
    const row = checkedIndex(dataset, indices[i]!);
    images.set(dataset.images.subarray(row * size, (row + 1) * size), i * size);
    labels[i] = dataset.labels[row]!;
  }
  return { ...dataset, name, images, labels, n: indices.length };
}

function checkedIndex(dataset: Dataset, index: number): number {
  if (Number.isInteger(index) && index >= 0 && index < dataset.n) return index;
  throw new DataError(`${dataset.name}: has images 0 to ${dataset.n - 1}, asked for ${index}`);
}

function foldersOf(spec: string, options: LoadOptions): readonly string[] {
  if (spec !== 'fashion-mnist' && spec !== 'fashion-mnist-part') {
    throw new DataError(
      `data set '${spec}' is not known: give fashion-mnist, fashion-mnist-part or idx:IMAGES,LABELS`,
    );
  }
  if (options.folder !== undefined) return [options.folder];
  if (spec === 'fashion-mnist-part') return [join(packageRoot, 'models/data/fashion-mnist-part')];
  return [cacheFolder(spec), '/usr/share/datasets/fashion-mnist'];
}

function absent(spec: string, folders: readonly string[]): DataError {
  const help =
    spec === 'fashion-mnist'
      ? `get it with 'reluctant data fetch' or 'apt install dataset-fashion-mnist', or use fashion-mnist-part`
      : 'it comes with the package: install it again';
  return new DataError(`${spec}: not found in ${folders.join(' nor in ')}; ${help}`);
}

async function loadIdxPair(spec: string): Promise<Dataset> {
  const [images, labels, ...more] = spec.slice('idx:'.length).split(',');
  if (!images || !labels || more.length > 0) {
    throw new DataError(`'${spec}': expected idx:IMAGES,LABELS with two file names`);
  }
  return readPair(`idx ${basename(images)}`, { images, labels });
}

async function readPair(
  name: string,
  files: { images: string; labels: string },
  classes?: readonly string[],
): Promise<Dataset> {
  const [images, labels] = await Promise.all([readIdx(files.images, [3, 4]), readIdx(files.labels, [1])]);
  const [n = 0, ...image] = images.shape;
  if (labels.shape[0] !== n) {
    throw new DataError(`${files.labels}: expected ${n} labels for the images, got ${labels.data.length}`);
  }
  const highest = labels.data.reduce((a, b) => Math.max(a, b), 0);
  if (classes !== undefined && highest >= classes.length) {
    throw new DataError(`${files.labels}: expected labels 0 to ${classes.length - 1}, got ${highest}`);
  }
  return {
    name,
    classes: classes ?? Array.from({ length: highest + 1 }, (_, i) => String(i)),
    shape: image.length === 2 ? [1, ...image] : image,
    images: images.data,
    labels: labels.data,
    n,
  };
}
