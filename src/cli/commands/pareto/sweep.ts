import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { describeJob } from '../../../../pipelines/pareto/series.ts';
import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';
import type { Run } from '../../../../pipelines/pareto/run.ts';
import { leaseMs } from '../../../../pipelines/pareto/store.ts';
import type { Owner, RunStore } from '../../../../pipelines/pareto/store.ts';
import * as format from '../../../shared/format.ts';
import type { OnProgress } from '../../../shared/progress.ts';
import { bitsText } from '../../output/bits-words.ts';
import { commandOf } from './command-of.ts';
import { JobFailure } from './job-process.ts';
import { SweepProgress } from './sweep-progress.ts';

/** Runs one job, here or elsewhere. Rejects with JobFailure if the job itself fails. */
export type JobRunner = (run: Run, onProgress: OnProgress, signal: AbortSignal) => Promise<JobOutcome>;

export type SweepOptions = {
  readonly store: RunStore;
  /** The folder of the sweep. */
  readonly folder: string;
  readonly ids: readonly string[];
  /** The number of jobs at a time. */
  readonly jobs: number;
  readonly runner: JobRunner;
  readonly onProgress: OnProgress;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
};

/** Milliseconds between two looks at jobs that another process runs. */
const pollInterval = 1000;

/**
 * Runs the jobs that are not done yet. A job that fails is marked in the store and does not stop the others.
 * Rejects if the sweep itself cannot go on; its running jobs then wait again.
 */
export async function sweep(options: SweepOptions): Promise<void> {
  const { store, ids } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const owner: Owner = { id: randomUUID(), host: hostname(), pid: process.pid };
  const running = new Set<string>();
  const release = () => running.forEach((id) => store.release(id, owner));
  const beats = setInterval(() => running.forEach((id) => store.beat(id, owner)), leaseMs / 4);
  signal.addEventListener('abort', release);
  const progress = new SweepProgress(options);
  const lane = async () => {
    for (;;) {
      const run = store.take(ids, owner);
      if (run === undefined && store.counts(ids).running === 0) return;
      if (run === undefined) await wait(pollInterval, undefined, { signal });
      else await oneJob({ ...options, signal }, owner, run, running, progress);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.jobs }, lane));
  } finally {
    release();
    stop.abort();
    clearInterval(beats);
    signal.removeEventListener('abort', release);
  }
}

async function oneJob(
  { store, folder, runner, say, signal }: SweepOptions,
  owner: Owner,
  run: Run,
  running: Set<string>,
  progress: SweepProgress,
): Promise<void> {
  const { id, spec } = run;
  running.add(id);
  progress.started(run);
  try {
    const onProgress: OnProgress = (event) => progress.heard(id, event);
    const outcome = await runner(run, onProgress, signal);
    store.finish(id, owner, {
      ...outcome,
      command: commandOf(spec, join(folder, outcome.onnx), outcome),
    });
    const { relus, accuracy, privateAccuracy, bits, seconds } = outcome;
    const figures = `accuracy ${format.percent(accuracy)}, private (simulated) ${format.percent(privateAccuracy)}`;
    const chosen = bits === null ? '' : `, bits ${bitsText(bits)}`;
    say(
      `${describeJob(spec)}: ${format.count(relus)} ReLUs, ${figures}${chosen}; ${format.duration(seconds)}`,
    );
  } catch (error) {
    if (!(error instanceof JobFailure)) throw error;
    store.fail(id, owner, error.message);
    say(`${describeJob(spec)}: failed: ${error.message}`);
  } finally {
    running.delete(id);
    progress.ended(id);
  }
}
