import { join } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { list, listImages, readLines } from '../images/disk.ts';
import { datasetOfRows } from './file-rows.ts';
import type { FileRow } from './file-rows.ts';
import { parseTarget } from '../images/image-target.ts';
import { classNames } from '../labelled-images.ts';
import type { Dataset, LoadOptions, Split } from '../labelled-images.ts';

/**
 * Reads Tiny-ImageNet (Stanford's CS231n) as unpacked: train/<wnid>/images, and val with val_annotations.txt.
 * Here val is the test set, because the labels of the real test images were never published.
 */
export async function readTinyImagenet(
  argument: string,
  split: Split,
  options: LoadOptions,
): Promise<Dataset> {
  const { path, target } = parseTarget(argument, options);
  const classes = classNames(path, await readLines(join(path, 'wnids.txt')));
  const rows = split === 'train' ? await trainRows(path, classes) : await validationRows(path, classes);
  return datasetOfRows('tiny-imagenet', rows, split, target, { ...options, classes });
}

async function trainRows(path: string, classes: readonly string[]): Promise<FileRow[]> {
  const { folders } = await list(join(path, 'train'));
  const stranger = folders.find((name) => !classes.includes(name));
  if (stranger !== undefined)
    throw new DataError(`${join(path, 'train', stranger)}: expected the name of a class in wnids.txt`);
  const rows: FileRow[] = [];
  for (const label of classes) {
    const folder = join(path, 'train', label, 'images');
    const names = await listImages(folder);
    if (names.length === 0) throw new DataError(`${folder}: expected images, found none`);
    for (const name of names) {
      rows.push({ file: join(folder, name), label, split: 'train' });
    }
  }
  return rows;
}

/** Reads lines such as 'val_0.JPEG<tab>n03444034<tab>0<tab>32<tab>44<tab>62'. */
async function validationRows(path: string, classes: readonly string[]): Promise<FileRow[]> {
  const annotations = join(path, 'val/val_annotations.txt');
  const known = new Set(classes);
  return (await readLines(annotations)).map((line, i) => {
    const [name = '', label = ''] = line.split('\t');
    if (!known.has(label) || name === '' || name.includes('/')) {
      throw new DataError(
        `${annotations}: line ${i + 1}: expected an image's name, a tab and a class in wnids.txt`,
      );
    }
    return { file: join(path, 'val/images', name), label, split: 'test' };
  });
}
