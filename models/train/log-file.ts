import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { writeFileAtomic } from '../../src/shared/files.ts';
import type { EpochEntry } from './checkpoint.ts';

/** The settings of a run, with its seeds, for the log's first line. */
export type RunRecord = Readonly<Record<string, string | number | boolean>>;

/**
 * Returns a function that writes a log of JSON lines: `{"event": "start", ...}` with the settings and
 * versions, then `{"event": "epoch", ...}` for each epoch. It rewrites the whole file each time, so that a
 * run that was killed and resumed has each epoch once.
 */
export function logFile(path: string, run: RunRecord) {
  const start = { event: 'start', ...run, ...platform() };
  return async (history: readonly EpochEntry[]): Promise<void> => {
    const epochs = history.map((entry) => ({ event: 'epoch', ...entry }));
    await writeFileAtomic(path, [start, ...epochs].map((line) => `${JSON.stringify(line)}\n`).join(''));
  };
}

function platform() {
  const { version } = createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string };
  return { node: process.version, onnxruntime: version, cores: availableParallelism() };
}
