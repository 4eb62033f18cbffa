import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DataError } from '../../src/shared/errors.ts';
import { readIdx } from './idx.ts';
import { numberedClasses } from './labelled-images.ts';
import type { Dataset, LoadOptions, Split } from './labelled-images.ts';

export type IdxPair = { readonly images: string; readonly labels: string };

/** Names of the IDX files, as everyone who mirrors MNIST-like data calls them. */
export const idxFiles: Record<Split, IdxPair> = {
  train: { images: 'train-images-idx3-ubyte.gz', labels: 'train-labels-idx1-ubyte.gz' },
  test: { images: 't10k-images-idx3-ubyte.gz', labels: 't10k-labels-idx1-ubyte.gz' },
};

/** Two IDX files, 'IMAGES,LABELS', for whichever split is asked for. */
export function readIdxPair(argument: string): Promise<Dataset> {
  const [images, labels, ...more] = argument.split(',');
  if (!images || !labels || more.length > 0) {
    throw new DataError(`'idx:${argument}': expected idx:IMAGES,LABELS with two file names`);
  }
  return readPair(`idx ${basename(images)}`, { images, labels });
}

/** A folder with the four files of MNIST, Fashion-MNIST, KMNIST and their like, gzip or not. */
export function readMnist(folder: string, split: Split, _options: LoadOptions = {}): Promise<Dataset> {
  const { images, labels } = idxFiles[split];
  const pair = { images: oneOf(folder, images), labels: oneOf(folder, labels) };
  return readPair(`mnist ${basename(folder)} (${split})`, pair);
}

/** The file under its usual name, not compressed, or with the dot that some unpackers put ('train-images.idx3-ubyte'). */
function oneOf(folder: string, zipped: string): string {
  const plain = zipped.replace(/\.gz$/, '');
  const names = [zipped, plain, plain.replace('-idx', '.idx')];
  const found = names.find((name) => existsSync(join(folder, name)));
  if (found === undefined) throw new DataError(`${folder}: expected a file ${names.join(' or ')}`);
  return join(folder, found);
}

/** Throws DataError where the two do not match; classes are named by number where left out. */
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
