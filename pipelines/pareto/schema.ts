import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { DataError } from '../../src/shared/errors.ts';

/** 'Relu' in ASCII. It tells a store of runs from another program's database. */
const applicationId = 0x52656c75;

/** The version of `tables`. `upgrades` brings them to the current version. */
const firstVersion = 1;

/**
 * The statements that bring tables from each version to the next, starting at `firstVersion`. Every change of
 * the tables adds an entry.
 */
const upgrades = [
  // The version before wrote --search-epochs into the commands of methods that do not take it, and `reduce`
  // refused these commands.
  `ALTER TABLE jobs ADD COLUMN granularity TEXT;
   ALTER TABLE jobs ADD COLUMN pretrain_epochs INTEGER;
   UPDATE results
     SET command = replace(command, ' --search-epochs ' || jobs.search_epochs || ' --seed ', ' --seed ')
     FROM jobs
     WHERE jobs.id = results.job AND jobs.method IN ('deepreduce', 'hybrid')
       AND jobs.search_epochs IS NOT NULL;`,
  `ALTER TABLE jobs ADD COLUMN ranking TEXT;
   ALTER TABLE jobs ADD COLUMN feature_loss REAL;
   ALTER TABLE jobs ADD COLUMN range_loss REAL;`,
  `ALTER TABLE jobs ADD COLUMN agreement REAL;
   ALTER TABLE results ADD COLUMN activation_bits INTEGER;
   ALTER TABLE results ADD COLUMN weight_bits INTEGER;`,
  'ALTER TABLE results ADD COLUMN left_out TEXT;',
] as const;

export const schemaVersion = firstVersion + upgrades.length;

const tables = `
  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    network TEXT NOT NULL, network_hash TEXT NOT NULL,
    data TEXT NOT NULL, data_hash TEXT NOT NULL,
    method TEXT NOT NULL, circa TEXT, budget TEXT NOT NULL, seed INTEGER NOT NULL, epochs INTEGER NOT NULL,
    search_epochs INTEGER, "replace" TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    message TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    owner TEXT, owner_host TEXT, owner_pid INTEGER, lease_until INTEGER,
    created_at TEXT NOT NULL, changed_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE results (
    job TEXT PRIMARY KEY REFERENCES jobs (id),
    relus INTEGER NOT NULL, relus_before INTEGER NOT NULL,
    accuracy REAL NOT NULL, private_accuracy REAL NOT NULL, agree INTEGER NOT NULL, n INTEGER NOT NULL,
    per_class TEXT NOT NULL,
    plan_hash TEXT NOT NULL,
    log TEXT NOT NULL, layers TEXT NOT NULL,
    onnx TEXT NOT NULL, onnx_hash TEXT NOT NULL, windows TEXT,
    command TEXT NOT NULL, versions TEXT NOT NULL, machine TEXT NOT NULL,
    seconds REAL NOT NULL, finished_at TEXT NOT NULL
  ) STRICT;
  CREATE TABLE costs (
    job TEXT NOT NULL REFERENCES jobs (id),
    profile TEXT NOT NULL,
    source TEXT NOT NULL CHECK (source IN ('predicted', 'measured')),
    offline_seconds REAL NOT NULL, online_seconds REAL NOT NULL,
    offline_up INTEGER NOT NULL, offline_down INTEGER NOT NULL,
    online_up INTEGER NOT NULL, online_down INTEGER NOT NULL,
    rounds INTEGER NOT NULL,
    machine TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (job, profile, source)
  ) STRICT;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${firstVersion};`;

/** Milliseconds that a process waits for another process's transaction. */
const busyTimeout = 10_000;

/**
 * Opens or creates a store. Tables of an earlier version stay as they are, because the program that wrote
 * them may still be working on them. Throws DataError if the file belongs to another program or to a later
 * version of this one.
 */
export function openDatabase(file: string): DatabaseSync {
  const isNew = !existsSync(file);
  const database = new DatabaseSync(file, { timeout: busyTimeout });
  try {
    checkVersion(database, file, isNew);
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON');
    transaction(database, () => {
      if (numberOf(database, 'user_version') > 0) return; // Another process may have been first.
      database.exec(tables);
      upgrade(database);
    });
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Brings the tables to `schemaVersion`. The caller must have begun a transaction. */
export function upgrade(database: DatabaseSync): void {
  for (const step of upgrades.slice(numberOf(database, 'user_version') - firstVersion)) database.exec(step);
  database.exec(`PRAGMA user_version = ${schemaVersion}`);
}

/** Runs `work` in a transaction: either all of its changes are kept, or none if it throws. */
export function transaction<T>(database: DatabaseSync, work: () => T): T {
  database.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    database.exec('COMMIT');
    return result;
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function checkVersion(database: DatabaseSync, file: string, isNew: boolean): void {
  const [application, version] = headOf(database, file);
  if (application === 0 && version === 0 && (isNew || isEmpty(database))) return;
  if (application !== applicationId)
    throw new DataError(
      `${file}: expected a store of runs, got another program's database; give another folder`,
    );
  if (version < firstVersion || version > schemaVersion)
    throw new DataError(
      `${file}: expected tables of version ${firstVersion} to ${schemaVersion}, got ${version}; ` +
        `use the version of reluctant that wrote them, or give another folder`,
    );
}

function headOf(database: DatabaseSync, file: string): [number, number] {
  try {
    return [numberOf(database, 'application_id'), numberOf(database, 'user_version')];
  } catch (error) {
    throw new DataError(`${file}: not a store of runs: ${(error as Error).message}`);
  }
}

function isEmpty(database: DatabaseSync): boolean {
  return database.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() === undefined;
}

function numberOf(database: DatabaseSync, pragma: 'application_id' | 'user_version'): number {
  return Number(database.prepare(`PRAGMA ${pragma}`).get()![pragma]);
}
