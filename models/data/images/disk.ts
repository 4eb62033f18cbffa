import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { homedir } from 'node:os';

/** Reads a file. Throws DataError if it cannot be read. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new DataError(`${path}: cannot be read (${(error as Error).message})`);
  }
}

/**
 * Reads the lines of a text file, without line ends and without empty lines. Throws DataError if it cannot be
 * read.
 */
export async function readLines(path: string): Promise<string[]> {
  const text = new TextDecoder().decode(await readBytes(path));
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

export type Listing = { readonly folders: readonly string[]; readonly files: readonly string[] };

/**
 * Lists the names in a folder in alphabetical order, without hidden ones. A link counts as what it leads to.
 * Throws DataError if there is no such folder.
 */
export async function list(folder: string): Promise<Listing> {
  const entries = await entriesOf(folder);
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    ((await isFolder(folder, entry)) ? folders : files).push(entry.name);
  }
  return { folders: folders.sort(), files: files.sort() };
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new DataError(
      code === 'ENOENT' ? `${folder}: no such folder` : `${folder}: expected a folder (${message})`,
    );
  }
}

async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  // A broken link counts as a file, so that reading it reports the error.
  const target = await stat(join(parent, entry.name)).catch(() => undefined);
  return target?.isDirectory() ?? false;
}

const imageName = /\.(jpe?g|png|webp|gif|tiff?)$/i;

/** Lists the names of the images in a folder in alphabetical order; other files are ignored. */
export async function listImages(folder: string): Promise<string[]> {
  return (await list(folder)).files.filter((name) => imageName.test(name));
}

/** The folder for files that can be made again, by name: below $XDG_CACHE_HOME (default: ~/.cache). */
export function cacheFolder(name: string): string {
  const cache = process.env['XDG_CACHE_HOME'];
  const root = cache === undefined || cache === '' ? join(homedir(), '.cache') : cache;
  return join(root, 'reluctant', name);
}
