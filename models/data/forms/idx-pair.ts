import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { readIdx } from '../images/idx.ts';
import { numberedClasses } from '../labelled-images.ts';
import type { Dataset, LoadOptions, Split } from '../labelled-images.ts';

export type IdxPair = { readonly images: string; readonly labels: string };

/** The names of the IDX files of MNIST, which data sets like it use too. */
export const idxFiles: Record<Split, IdxPair> = {
  train: { images: 'train-images-idx3-ubyte.gz', labels: 'train-labels-idx1-ubyte.gz' },
  test: { images: 't10k-images-idx3-ubyte.gz', labels: 't10k-labels-idx1-ubyte.gz' },
};

/** Reads two IDX files, 'IMAGES,LABELS'; both splits read the same files. */
export function readIdxPair(argument: string): Promise<Dataset> {
  const [images, labels, ...more] = argument.split(',');
  if (!images || !labels || more.length > 0) {
    throw new DataError(`'idx:${argument}': expected idx:IMAGES,LABELS with two file names`);
  }
  return readPair(`idx ${basename(images)}`, { images, labels });
}

/**
 * Reads a folder with the four files of MNIST, Fashion-MNIST, KMNIST or a data set like them, plain or gzip.
 */
export function readMnist(folder: string, split: Split, _options: LoadOptions = {}): Promise<Dataset> {
  const { images, labels } = idxFiles[split];
  const pair = { images: oneOf(folder, images), labels: oneOf(folder, labels) };
  return readPair(`mnist ${basename(folder)} (${split})`, pair);
}

/**
 * Finds a file by its usual name, without compression, or with the dot that some programs put there
 * ('train-images.idx3-ubyte').
 */
function oneOf(folder: string, zipped: string): string {
  const plain = zipped.replace(/\.gz$/, '');
  const names = [zipped, plain, plain.replace('-idx', '.idx')];
  const found = names.find((name) => existsSync(join(folder, name)));
  if (found === undefined) throw new DataError(`${folder}: expected a file ${names.join(' or ')}`);
  return join(folder, found);
}

/**
 * Reads two IDX files as a data set (default for `classes`: the numbers from 0 to the highest label). Throws
 * DataError if images and labels do not match.
 */
export async function readPair(name: string, files: IdxPair, classes?: readonly string[]): Promise<Dataset> {
  const [images, labels] = await Promise.all([readIdx(files.images, [3, 4]), readIdx(files.labels, [1])]);
  const [n = 0, ...image] = images.shape;
  if (labels.shape[0] !== n) {
    throw new DataError(`${files.labels}: expected ${n} labels for the images, got ${labels.data.length}`);
  }
  const numbered = numberedClasses(labels.data);
  if (classes !== undefined && numbered.length > classes.length) {
    throw new DataError(
      `${files.labels}: expected labels 0 to ${classes.length - 1}, got ${numbered.length - 1}`,
    );
  }
  return {
    name,
    classes: classes ?? numbered,
    shape: image.length === 2 ? [1, ...image] : image,
    images: images.data,
    labels: labels.data,
    n,
  };
}
