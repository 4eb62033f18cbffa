import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Writes to a temporary file beside `path` and renames it, so that a reader sees either the old file or the
 * whole new one. Rejects with an error that names `path` and the system's reason, which is its cause.
 */
export async function writeFileAtomic(path: string, data: Uint8Array | string): Promise<void> {
  try {
    await writeThenRename(path, data);
  } catch (cause) {
    throw unwritten(path, cause);
  }
}

function unwritten(path: string, cause: unknown): Error {
  const [reason] = (cause as Error).message.split(', ');
  return new Error(`${path}: it cannot be written (${reason})`, { cause });
}

/** The same at once, for a process that is about to end. */
export function writeFileAtomicSync(path: string, data: string): void {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    writeFileSync(temporary, data, { flag: 'wx' });
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw unwritten(path, cause);
  }
}

async function writeThenRename(path: string, data: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  begin(temporary);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    end(temporary);
  }
}

/** The temporary files of unfinished writes; they are removed if the process ends before the writes do. */
const unfinished = new Set<string>();
const removeUnfinished = () => unfinished.forEach((file) => rmSync(file, { force: true }));

/**
 * Registers a temporary file. The process has a listener only while there are such files, because a library
 * should not leave listeners behind.
 */
function begin(temporary: string): void {
  if (unfinished.size === 0) process.once('exit', removeUnfinished);
  unfinished.add(temporary);
}

function end(temporary: string): void {
  unfinished.delete(temporary);
  if (unfinished.size === 0) process.removeListener('exit', removeUnfinished);
}

/** The folder of package.json, both for the sources and for dist/. */
export const packageRoot: string = findPackageRoot(dirname(fileURLToPath(import.meta.url)));

function findPackageRoot(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const parent = dirname(folder);
  if (parent === folder) throw new Error('package.json of reluctant not found');
  return findPackageRoot(parent);
}

/**
 * The URL of a worker's entry file beside the caller. `name` has no extension: it is `.ts` when run from the
 * sources and `.js` when run from dist/.
 */
export function workerUrl(callerUrl: string, name: string): string {
  const extension = callerUrl.endsWith('.ts') ? '.ts' : '.js';
  return new URL(name + extension, callerUrl).href;
}

/** Reads a file of the package by its path from the root, such as 'crypto/ring/kernels.wasm'. */
export async function readPackageFile(path: string): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(join(packageRoot, path)));
}
