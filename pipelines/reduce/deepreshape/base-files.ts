import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import type { Bases } from './bases.ts';

/** Milliseconds between two attempts at a lock. */
const pollInterval = 500;

/** SQLite's result code for a lock that is taken: https://sqlite.org/rescode.html#busy */
const busy = 5;

/**
 * Keeps trained networks in a folder for all processes of a machine, as `KEY.checkpoint`, written after each
 * epoch. While one process trains a network, others that want it wait. If that process dies, the next one
 * continues after its last whole epoch. A damaged file is reported to `warn`, and the network is trained
 * again.
 */
export function basesIn(folder: string, warn: (line: string) => void): Bases {
  return {
    async obtain({ key, train, onProgress }) {
      await mkdir(folder, { recursive: true });
      const onWait = () => onProgress({ phase: 'wait-for-base', done: 0, total: 1 });
      const lock = await lockOf(join(folder, `${key}.lock`), onWait);
      try {
        return await train({
          checkpoint: join(folder, `${key}.checkpoint`),
          onUnusable: (why) => warn(`${why}: the file is not used, its network is trained again`),
        });
      } finally {
        lock.close();
      }
    },
  };
}

/**
 * Takes an exclusive lock: that of an empty SQLite database. The operating system frees it when its process
 * ends, so no dead owner has to be told from a living one.
 */
async function lockOf(file: string, onWait: () => void): Promise<DatabaseSync> {
  // Node 22 prints a warning on this import, so it is made only where it is needed.
  const sqlite = await import('node:sqlite');
  const database = new sqlite.DatabaseSync(file, { timeout: 0 });
  while (!isLocked(database)) {
    onWait();
    await wait(pollInterval);
  }
  return database;
}

function isLocked(database: DatabaseSync): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE');
    return true;
  } catch (error) {
    if ((error as { readonly errcode?: number }).errcode === busy) return false;
    database.close();
    throw error;
  }
}
