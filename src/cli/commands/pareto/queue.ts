import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Queue } from 'bullmq';
import type { Job } from 'bullmq';
import type { MachineCosts } from '../../../../pipelines/cost/machine.ts';
import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';
import type { Run } from '../../../../pipelines/pareto/run.ts';
import { writeFileAtomic } from '../../../shared/files.ts';
import type { OnProgress } from '../../../shared/progress.ts';
import { JobFailure } from './job-process.ts';
import { versions } from './machine.ts';
import { networkKey, queueId, queueName, readProgress } from './queue-messages.ts';
import type { QueuedJob, QueuedResult } from './queue-messages.ts';
import { connectRedis } from './redis.ts';
import { networkName, sha256Hex, windowsName } from './run-job.ts';
import type { JobRunner } from './sweep.ts';

export type QueueOptions = {
  readonly url: string;
  readonly modelFile: string;
  readonly networkHash: string;
  /** The folder for results. */
  readonly folder: string;
  readonly costs: MachineCosts;
  readonly say: (line: string) => void;
};

/** Milliseconds between two looks at a job. Polling survives a restart of the server; its events do not. */
const pollInterval = 500;

/** Seconds for which the server keeps a network. */
const networkLife = 30 * 24 * 3600;

/** Runs jobs on the workers of a queue. Results go to the sweep's folder, and leave the queue. */
export async function openQueue(
  options: QueueOptions,
): Promise<{ runner: JobRunner; close(): Promise<void> }> {
  const { url, modelFile, networkHash, folder, costs, say } = options;
  const { redis, lost, close } = await connectRedis(url);
  const queue = new Queue<QueuedJob, QueuedResult>(queueName, { connection: redis });
  queue.on('error', () => undefined); // `lost` tells.
  await redis.set(networkKey(networkHash), await readFile(modelFile), 'EX', networkLife);
  if ((await queue.getWorkersCount()) === 0)
    say(
      `no worker is there yet: run 'reluctant worker --queue' with the same address, here or on another machine`,
    );
  const data = (run: Run): QueuedJob => ({ spec: run.spec, costs, version: versions()['reluctant']! });
  const runner: JobRunner = (run, onProgress, signal) =>
    Promise.race([lost, queued(queue, folder, run, data(run), onProgress, signal)]);
  return {
    runner,
    close: async () => {
      await Promise.race([queue.close(), lost.catch(() => undefined)]);
      close();
    },
  };
}

async function queued(
  queue: Queue<QueuedJob, QueuedResult>,
  folder: string,
  run: Run,
  data: QueuedJob,
  onProgress: OnProgress,
  signal: AbortSignal,
): Promise<JobOutcome> {
  const jobId = queueId(run.id);
  // A job that failed in an earlier sweep is tried again; one that waits, runs or is done is used as it is.
  if ((await queue.getJobState(jobId)) === 'failed') await queue.remove(jobId);
  for (;;) {
    const job = (await queue.getJob(jobId)) ?? (await queue.add('run', data, { jobId }));
    const state = await job.getState();
    if (state === 'completed') return await received(job, queue, run, folder);
    if (state === 'failed') throw new JobFailure(job.failedReason ?? 'a worker failed and gave no reason');
    const event = readProgress(job.progress);
    if (event !== undefined) onProgress(event);
    await wait(pollInterval, undefined, { signal });
  }
}

async function received(
  { id, returnvalue }: Job<QueuedJob, QueuedResult>,
  queue: Queue<QueuedJob, QueuedResult>,
  { spec }: Run,
  folder: string,
): Promise<JobOutcome> {
  const { outcome, onnx, windows } = returnvalue;
  const name = networkName(spec);
  if (outcome.onnx !== name || (windows !== null && outcome.windows !== windowsName(name)))
    throw new JobFailure('the worker ran another job: it has another version of reluctant');
  const bytes = Buffer.from(onnx, 'base64');
  if (sha256Hex(bytes) !== outcome.onnxHash)
    throw new JobFailure(
      'the network from the worker is damaged: its hash is not the one that the worker reported',
    );
  await writeFileAtomic(join(folder, name), bytes);
  if (windows !== null) await writeFileAtomic(join(folder, windowsName(name)), windows);
  await queue.remove(id!);
  return outcome;
}
