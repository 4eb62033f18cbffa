import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { setTimeout as wait } from 'node:timers/promises';
import type { Bases } from './bases.ts';

/** Milliseconds between two attempts at a lock. */
const pollInterval = 500;

/** Of SQLite: https://sqlite.org/rescode.html#busy */
const busy = 5;

/**
 * For all processes of a machine: `KEY.checkpoint` in a folder, written after each epoch. One process trains a network and others that
 * want it wait; where that process dies, the next goes on after its last whole epoch. A file that is damaged is not used: `warn` is
 * told, and the network is trained again.
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
 * The exclusive lock of an empty database: the operating system's own, free as soon as its process is gone, so that there are none of the
 * dead to tell from the living.
 */
async function lockOf(file: string, onWait: () => void): Promise<DatabaseSync> {
  const sqlite = await import('node:sqlite'); // Node 22 warns of it: not where there is nothing to lock
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
