import { readdir, readFile } from 'node:fs/promises';
import { DataError } from '../../src/shared/errors.ts';

/** A file's bytes. Throws DataError where it cannot be read. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DataError(`${path}: cannot be read (${(error as Error).message})`);
  }
}

/** A text file's lines, without line ends, empty ones left out. */
export async function readLines(path: string): Promise<string[]> {
  const text = new TextDecoder().decode(await readBytes(path));
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

export type Listing = { readonly folders: readonly string[]; readonly files: readonly string[] };

/** Names in a folder, in order, hidden ones left out. Throws DataError where there is none. */
export async function list(folder: string): Promise<Listing> {
  try {
    const entries = (await readdir(folder, { withFileTypes: true })).filter(
      ({ name }) => !name.startsWith('.'),
    );
    const named = (wanted: boolean) => entries.filter((e) => e.isDirectory() === wanted).map((e) => e.name);
    return { folders: named(true).sort(), files: named(false).sort() };
  } catch (error) {
    throw new DataError(`${folder}: expected a folder (${(error as Error).message})`);
  }
}

const imageName = /\.(jpe?g|png|webp|gif|tiff?)$/i;

/** Names of the images in a folder, in order; other files are passed over. */
export async function listImages(folder: string): Promise<string[]> {
  return (await list(folder)).files.filter((name) => imageName.test(name));
}
