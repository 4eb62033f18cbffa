import type { Dirent } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../src/shared/errors.ts';
import type { Hash } from 'node:crypto';
import type { Dataset } from './dataset.ts';
import { homedir } from 'node:os';

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

/** Names in a folder, in order, hidden ones left out; links are what they lead to. Throws DataError where there is none. */
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
    throw new DataError(`${folder}: expected a folder (${(error as Error).message})`);
  }
}

async function isFolder(parent: string, entry: Dirent): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isDirectory();
  const target = await stat(join(parent, entry.name)).catch(() => undefined); // where it leads nowhere it is a file to complain of
  return target?.isDirectory() ?? false;
}

const imageName = /\.(jpe?g|png|webp|gif|tiff?)$/i;

/** Names of the images in a folder, in order; other files are passed over. */
export async function listImages(folder: string): Promise<string[]> {
  return (await list(folder)).files.filter((name) => imageName.test(name));
}

/** Adds what a data set is to a hash: its size, images and labels, whatever it is called. */
export function hashDataset(hash: Hash, { n, shape, images, labels }: Dataset): void {
  hash
    .update(JSON.stringify([n, shape]))
    .update(images)
    .update(labels);
}

/** Where what can be made again is kept, by name: under $XDG_CACHE_HOME, or ~/.cache. */
export function cacheFolder(name: string): string {
  const cache = process.env['XDG_CACHE_HOME'];
  const root = cache === undefined || cache === '' ? join(homedir(), '.cache') : cache;
  return join(root, 'reluctant', name);
}
