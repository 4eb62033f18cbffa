import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { writeFileAtomic } from '../../src/shared/files.ts';
import type { EpochEntry } from './checkpoint.ts';

/** What a run was told, seeds included; goes into the log's first line. */
export type RunRecord = Readonly<Record<string, string | number | boolean>>;

/**
 * Keeps a log of JSON lines: `{"event": "start", ...}` with what the run was told and on what it runs, then `{"event": "epoch", ...}`
 * a line an epoch. The whole file is written anew each time, so that after a kill and a resume each epoch is in it once.
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
