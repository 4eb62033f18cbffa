import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { packageRoot } from '../../../src/shared/files.ts';
import { cacheFolder } from '../images/disk.ts';
import { idxFiles, readPair } from './idx-pair.ts';
import type { Dataset, LoadOptions, Split } from '../labelled-images.ts';

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

/**
 * Reads all of Fashion-MNIST, from Debian's package dataset-fashion-mnist or from where `fetchDataset` saves
 * it.
 */
export function readFashionMnist(split: Split, { folder }: LoadOptions): Promise<Dataset> {
  const folders = [cacheFolder('fashion-mnist'), '/usr/share/datasets/fashion-mnist'];
  const help =
    `get it with 'reluctant data fetch' or 'apt install dataset-fashion-mnist', ` +
    'or use fashion-mnist-part';
  return read('fashion-mnist', split, folder === undefined ? folders : [folder], help);
}

/** Reads the part of Fashion-MNIST that comes with this package; its README says which rows it has. */
export function readFashionMnistPart(split: Split, { folder }: LoadOptions): Promise<Dataset> {
  const folders = [folder ?? join(packageRoot, 'models/data/fashion-mnist-part')];
  return read('fashion-mnist-part', split, folders, 'it comes with the package: install it again');
}

async function read(name: string, split: Split, folders: readonly string[], help: string): Promise<Dataset> {
  const files = idxFiles[split];
  const folder = folders.find((f) => existsSync(join(f, files.images)) && existsSync(join(f, files.labels)));
  if (folder === undefined) {
    throw new DataError(`${name}: not found in ${folders.join(' nor in ')}; ${help}`);
  }
  const pair = { images: join(folder, files.images), labels: join(folder, files.labels) };
  return readPair(`${name} (${split})`, pair, fashionClasses);
}
