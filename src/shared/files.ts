import { randomUUID } from 'node:crypto';
import { chmodSync, existsSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Writes to a temporary file beside `path` and renames it, so that a reader sees either the old file or the
 * whole new one, which keeps the old one's permissions. A link stays, and the file behind it is written;
 * what is no file, such as /dev/null or a pipe, is written into and never replaced. Rejects with an error
 * that names `path` and the system's reason, which is its cause.
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
  let temporary: string | undefined;
  try {
    const { target, mode } = destination(path);
    if (target === undefined) return writeFileSync(path, data);
    temporary = besides(target);
    writeFileSync(temporary, data, { flag: 'wx' });
    if (mode !== undefined) chmodSync(temporary, mode);
    renameSync(temporary, target);
  } catch (cause) {
    if (temporary !== undefined) rmSync(temporary, { force: true });
    throw unwritten(path, cause);
  }
}

async function writeThenRename(path: string, data: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const { target, mode } = destination(path);
  if (target === undefined) return writeFile(path, data);
  const temporary = besides(target);
  begin(temporary);
  try {
    const file = await open(temporary, 'wx');
    try {
      await file.writeFile(data);
      if (mode !== undefined) await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    end(temporary);
  }
}

function besides(target: string): string {
  return `${target}.${randomUUID()}.tmp`;
}

/** The file that is replaced, and its permissions if it is there; no target where nothing may be replaced. */
function destination(path: string): { readonly target: string | undefined; readonly mode?: number } {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined || found.isDirectory()) return { target: path };
  if (!found.isFile()) return { target: undefined };
  return { target: realpathSync(path), mode: found.mode & 0o777 };
}

/** Whether something is there that `writeFileAtomic` writes into: a device, a pipe or a socket. */
export function isSpecial(path: string): boolean {
  try {
    return destination(path).target === undefined;
  } catch {
    return false;
  }
}

/**
 * Makes a folder for temporary files, whose path begins with `prefix`. It is removed with all that is in it
 * when `use` has ended, and when the process ends before that.
 */
export async function inTemporaryFolder<T>(prefix: string, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(prefix);
  begin(folder);
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    end(folder);
  }
}

/** Temporary files and folders that are removed if the process ends before those who use them do. */
const unfinished = new Set<string>();
const removeUnfinished = () => unfinished.forEach((path) => rmSync(path, { recursive: true, force: true }));

/**
 * Registers a temporary file or folder. The process has a listener only while there are any, because a
 * library should not leave listeners behind.
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
