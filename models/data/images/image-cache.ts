import { createHash } from 'node:crypto';
import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../../src/shared/errors.ts';
import { writeFileAtomic } from '../../../src/shared/files.ts';
import type { Shape } from '../../tensor.ts';
import { cacheFolder } from './disk.ts';
import { encodeIdx, readIdx } from './idx.ts';
import type { ImageTarget } from './image-target.ts';
import type { LoadOptions } from '../labelled-images.ts';

/** The most bytes in the cache; beyond it, the data sets that were unused for longest are removed. */
const capacity = 8e9;

/**
 * Returns the decoded images of the files from the cache. If they are missing or damaged, it runs `decode`
 * and keeps the result.
 */
export async function cachedImages(
  files: readonly string[],
  target: ImageTarget,
  shape: Shape,
  options: LoadOptions,
  decode: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  const folder = options.cache ?? cacheFolder('decoded');
  const path = join(folder, `${await keyOf(files, target, shape)}.idx`);
  const wanted = [files.length, ...shape];
  const kept = await readKept(path, wanted);
  if (kept !== undefined) return kept;
  const data = await decode();
  await keepIfPossible(folder, path, encodeIdx({ shape: wanted, data }));
  return data;
}

/** A cache that cannot be written (no home, a read-only or full disk) only costs time. */
async function keepIfPossible(folder: string, path: string, bytes: Uint8Array): Promise<void> {
  try {
    await writeFileAtomic(path, bytes);
    await prune(folder, path);
  } catch {
    // The images are decoded again next time.
  }
}

async function readKept(path: string, wanted: Shape): Promise<Uint8Array | undefined> {
  try {
    const { shape, data } = await readIdx(path, [4]);
    if (shape.join() !== wanted.join()) return undefined;
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined); // On a read-only disk it only looks unused.
    return data;
  } catch (error) {
    if (error instanceof DataError) return undefined;
    throw error;
  }
}

/** A hash of every file's path, size and time of change, and of the target shape. */
async function keyOf(files: readonly string[], target: ImageTarget, shape: Shape): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify({ version: 2, target, shape }));
  for (let start = 0; start < files.length; start += statsAtOnce) {
    const some = files.slice(start, start + statsAtOnce);
    const stats = await Promise.all(some.map((file) => stat(file).catch(() => undefined)));
    some.forEach((file, i) => hash.update(`${file}\0${stats[i]?.size}\0${stats[i]?.mtimeMs}\0`));
  }
  return hash.digest('hex');
}

const statsAtOnce = 256;

/**
 * Removes cached files, the ones unused for longest first, until the rest fit in `limit` bytes; `newest`
 * always stays.
 */
export async function prune(folder: string, newest: string, limit = capacity): Promise<void> {
  const paths = (await readdir(folder)).filter((name) => name.endsWith('.idx')).map((n) => join(folder, n));
  const found = await Promise.all(paths.map(async (path) => ({ path, ...(await sizeAndTime(path)) })));
  let total = 0;
  for (const { path, size } of found.sort((a, b) => b.time - a.time)) {
    total += size;
    if (total > limit && path !== newest) await rm(path, { force: true });
  }
}

async function sizeAndTime(path: string): Promise<{ size: number; time: number }> {
  const found = await stat(path).catch(() => undefined); // another process may have removed it
  return { size: found?.size ?? 0, time: found?.mtimeMs ?? 0 };
}
