import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { list, listImages, readBytes } from '../images/disk.ts';
import { datasetOfRows } from './file-rows.ts';
import type { FileRow } from './file-rows.ts';
import { parseTarget } from '../images/image-target.ts';
import type { Dataset, LoadOptions, Split } from '../labelled-images.ts';

/** Classes with fewer pictures are left out, because their test sets would have hardly twenty. */
const fewestPictures = 100;

/** Of 256 first bytes of a hash, those below this number are test pictures: a fifth. */
const testBytes = 51;

/** Larger pictures are left out, since sharp does not decode them (its `limitInputPixels`). */
const mostPixels = 0x3fff ** 2;

/** 'IHDR', the name of a PNG's first chunk. */
const ihdr = 0x49484452;

/**
 * Reads the pictures of Debian's openclipart-png: folders of classes with PNGs at any depth. The first byte
 * of a file's SHA-256 decides whether it is a test picture, so that a split does not depend on names or on
 * other files. A picture that occurs several times counts once, where its path comes first. Pictures of more
 * than 268 million pixels are left out (0.18+dfsg has one, of 623 million). Throws DataError if fewer than
 * two classes have a hundred pictures.
 */
export async function readOpenclipart(
  argument: string,
  split: Split,
  options: LoadOptions,
): Promise<Dataset> {
  const { path, target } = parseTarget(argument, options);
  const rows = frequent(path, await picturesOf(path));
  return datasetOfRows(`openclipart ${basename(path)}`, rows, split, target, {
    ...options,
    classOrder: 'folders',
  });
}

async function picturesOf(path: string): Promise<FileRow[]> {
  const seen = new Set<string>();
  const rows: FileRow[] = [];
  for (const label of (await list(path)).folders) {
    for (const file of await imagesBelow(join(path, label))) {
      const bytes = await readBytes(file);
      if (pixelsOf(bytes) > mostPixels) continue;
      const hash = createHash('sha256').update(bytes).digest();
      const key = hash.toString('hex');
      if (!seen.has(key)) rows.push({ file, label, split: hash[0]! < testBytes ? 'test' : 'train' });
      seen.add(key);
    }
  }
  return rows;
}

/** The pixels that a PNG's header announces (PNG, section 11.2.1). */
function pixelsOf(png: Uint8Array): number {
  if (png.length < 24) return 0;
  const header = new DataView(png.buffer, png.byteOffset, 24);
  return header.getUint32(12) === ihdr ? header.getUint32(16) * header.getUint32(20) : 0;
}

async function imagesBelow(folder: string): Promise<string[]> {
  const own = (await listImages(folder)).map((name) => join(folder, name));
  const { folders } = await list(folder);
  const below = await Promise.all(folders.map((name) => imagesBelow(join(folder, name))));
  return [...own, ...below.flat()];
}

/** The pictures of the classes that have enough. */
function frequent(path: string, rows: readonly FileRow[]): FileRow[] {
  const counts = new Map<string, number>();
  for (const { label } of rows) counts.set(label, (counts.get(label) ?? 0) + 1);
  const classes = [...counts].filter(([, count]) => count >= fewestPictures);
  if (classes.length < 2)
    throw new DataError(
      `${path}: expected at least two folders of ${fewestPictures} pictures, found ${classes.length}; ` +
        'give the folder png of the package openclipart-png, or use folder:FOLDER for pictures of your own',
    );
  const kept = new Set(classes.map(([label]) => label));
  return rows.filter(({ label }) => kept.has(label));
}
