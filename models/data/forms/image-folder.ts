import { basename, join } from 'node:path';
import { defined } from '../../../src/shared/defined.ts';
import { DataError } from '../../../src/shared/errors.ts';
import { list, listImages } from '../images/disk.ts';
import { datasetOfRows } from './file-rows.ts';
import type { FileRow } from './file-rows.ts';
import { parseTarget } from '../images/image-target.ts';
import type { Dataset, LoadOptions, Split } from '../labelled-images.ts';

/** The names that the folder of test images may have, in the order of preference. */
const testNames = ['test', 'val', 'valid', 'validation'];

/**
 * Reads folders of images, each named after its class. They are in train/ and test/ (or val/), or directly in
 * the folder; in that case a fifth of each class, always the same images, is the test set. Throws DataError
 * that names the folder.
 */
export async function readImageFolder(
  argument: string,
  split: Split,
  options: LoadOptions,
): Promise<Dataset> {
  const { path, target } = parseTarget(argument, options);
  const { folders } = await list(path);
  const rows = folders.includes('train') ? await splitRows(path, folders) : await rowsOfClasses(path);
  return datasetOfRows(`folder ${basename(path)}`, rows, split, target, {
    ...options,
    classOrder: 'folders',
  });
}

async function splitRows(path: string, folders: readonly string[]): Promise<FileRow[]> {
  const test = testNames.find((name) => folders.includes(name));
  if (test === undefined) {
    throw new DataError(
      `${path}: expected one of ${testNames.join(', ')} beside the folder train, found none`,
    );
  }
  const train = await rowsOfClasses(join(path, 'train'), 'train');
  const tested = await rowsOfClasses(join(path, test), 'test');
  const known = new Set(train.map(({ label }) => label));
  const stranger = tested.find(({ label }) => !known.has(label));
  if (stranger !== undefined) {
    throw new DataError(
      `${join(path, test, stranger.label)}: no class of that name in ${join(path, 'train')}`,
    );
  }
  return [...train, ...tested];
}

async function rowsOfClasses(path: string, split?: Split): Promise<FileRow[]> {
  const { folders } = await list(path);
  if (folders.length === 0) throw new DataError(`${path}: expected a folder for each class, found none`);
  const rows: FileRow[] = [];
  for (const label of folders) {
    const images = await listImages(join(path, label));
    if (images.length === 0) throw new DataError(`${join(path, label)}: expected images, found none`);
    for (const name of images) rows.push({ file: join(path, label, name), label, ...defined({ split }) });
  }
  return rows;
}
