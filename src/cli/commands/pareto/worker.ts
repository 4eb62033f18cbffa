import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'bullmq';
import type { Job } from 'bullmq';
import type { Device } from '../../../../models/runtime/device.ts';
import type { EngineName } from '../../../../models/train/engines/names.ts';
import { describeJob } from '../../../../pipelines/pareto/series.ts';
import { ReluctantError } from '../../../shared/errors.ts';
import { inTemporaryFolder, writeFileAtomic } from '../../../shared/files.ts';
import * as format from '../../../shared/format.ts';
import { within } from '../../../shared/progress.ts';
import type { OnProgress } from '../../../shared/progress.ts';
import { jobProcess } from './job-process.ts';
import { versions } from './machine.ts';
import { networkKey, queueName, readQueuedJob } from './queue-messages.ts';
import type { QueuedJob, QueuedResult } from './queue-messages.ts';
import { connectRedis } from './redis.ts';
import type { Connection } from './redis.ts';

export type WorkerOptions = {
  readonly url: string;
  /** The number of jobs at a time. */
  readonly jobs: number;
  readonly threads: number;
  readonly device: Device;
  readonly engine: EngineName;
  /** Seconds without a sign of life after which another worker takes the job over. */
  readonly lease: number;
  readonly onProgress: OnProgress;
  readonly say: (line: string) => void;
  readonly onReady: () => void;
  readonly signal: AbortSignal;
};

/** A job fails after this many takeovers, because it may be what kills its workers. */
const takeovers = 3;

/** Runs jobs of the queue until the signal. Rejects with ProtocolError if the server is lost. */
export async function work(options: WorkerOptions): Promise<never> {
  const { url, jobs, lease } = options;
  const connection = await connectRedis(url);
  const worker = new Worker<QueuedJob, QueuedResult>(queueName, (job) => oneJob(job, connection, options), {
    connection: connection.redis,
    concurrency: jobs,
    lockDuration: 1000 * lease,
    stalledInterval: 1000 * lease,
    maxStalledCount: takeovers,
  });
  worker.on('error', () => undefined); // `lost` tells.
  await Promise.race([worker.waitUntilReady(), connection.lost]);
  options.onReady();
  return connection.lost;
}

async function oneJob(
  job: Job<QueuedJob, QueuedResult>,
  { redis }: Connection,
  { threads, device, engine, onProgress, say, signal }: WorkerOptions,
): Promise<QueuedResult> {
  const { spec, costs } = readQueuedJob(job.id, job.data, versions()['reluctant']!);
  const name = describeJob(spec);
  say(`${name}: taken`);
  const work = async (folder: string) => {
    const modelFile = join(folder, 'network.onnx');
    const network = await redis.getBuffer(networkKey(spec.networkHash));
    if (network === null)
      throw new ReluctantError(
        `${name}: its network is no longer on the Redis server; start the sweep again`,
      );
    await writeFileAtomic(modelFile, network);
    const show = within({ phase: 'sweep-job', of: name }, onProgress);
    const report: OnProgress = (event) => {
      show(event);
      job.updateProgress(event).catch(() => undefined); // Another worker may have taken the job over.
    };
    const told = (line: string) => say(`${name}: ${line}`);
    const how = { costs, threads, device, engine, onProgress: report, say: told };
    const outcome = await jobProcess({ spec, modelFile, folder, ...how }, signal);
    const onnx = (await readFile(join(folder, outcome.onnx))).toString('base64');
    const windows = outcome.windows === null ? null : await readFile(join(folder, outcome.windows), 'utf8');
    say(`${name}: done in ${format.duration(outcome.seconds)}`);
    return { outcome, onnx, windows };
  };
  try {
    return await inTemporaryFolder(join(tmpdir(), 'reluctant-worker-'), work);
  } catch (error) {
    say(`${name}: failed: ${(error as Error).message}`);
    throw error;
  }
}
