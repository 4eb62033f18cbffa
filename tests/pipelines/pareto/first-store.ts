import { DatabaseSync } from 'node:sqlite';

/** The tables of the first version, as it made them. */
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
  PRAGMA application_id = ${0x52656c75};
  PRAGMA user_version = 1;`;

/**
 * `sampleSpec({ searchEpochs: 3 })` as the first version put it down, done; its command named an option that
 * `reduce` refuses.
 */
const rows = `
  INSERT INTO jobs VALUES ('31020bea7bbdd135', 'net.onnx', '${'ab'.repeat(32)}', 'bars', '${'cd'.repeat(32)}',
    'deepreduce', NULL, '0.5', 1, 2, 3, NULL, 'done', NULL, 1, NULL, NULL, NULL, NULL, '2026-11-23', '2026-11-23');
  INSERT INTO results VALUES ('31020bea7bbdd135', 5000, 10000, 0.9, 0.89, 990, 1000, '[]', 'ef', '[]', '[]',
    'networks/5000.onnx', '01', NULL,
    'reluctant reduce net.onnx --method deepreduce --epochs 2 --search-epochs 3 --seed 1 --out networks/5000.onnx',
    '{}', '{}', 12, '2026-11-23');`;

/** Writes a store with one run, as the first version of the tables has it. */
export function writeFirstStore(file: string): void {
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA journal_mode = WAL; ${tables} ${rows}`);
  database.close();
}
