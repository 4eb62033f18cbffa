import { z } from 'zod';
import { replacements } from '../../../../models/graph.ts';
import { machineCostsSchema } from '../../../../pipelines/cost/machine.ts';
import { granularities } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { methodNames } from '../../../../pipelines/reduce/methods.ts';
import { rankings } from '../../../../pipelines/reduce/ranking.ts';
import { jobId, originalMethod } from '../../../../pipelines/pareto/job.ts';
import type { JobSpec } from '../../../../pipelines/pareto/job.ts';
import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';
import { agreementRange, isAgreement } from '../../../../pipelines/simulate/agreement-bound.ts';
import { ReluctantError } from '../../../shared/errors.ts';
import { phases } from '../../../shared/progress.ts';
import type { ProgressEvent } from '../../../shared/progress.ts';

/** The queue of all sweeps on a Redis server. */
export const queueName = 'reluctant-pareto';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex');
const name = z.string().min(1).max(4096);
const epochs = z.int().min(1).nullable();
const weight = z.number().positive().nullable();

/**
 * Refuses unknown keys: to ignore a setting of another version would make another network under the same
 * name.
 */
const jobSpec = z.strictObject({
  network: name,
  networkHash: sha256,
  data: name,
  dataHash: sha256,
  method: z.enum([...methodNames, originalMethod]),
  circa: z.strictObject({ tolerance: z.number().positive(), searchImages: z.int().positive() }).nullable(),
  budget: z.string().min(1).max(100),
  seed: z.int().nonnegative(),
  epochs: z.int().nonnegative(),
  searchEpochs: epochs,
  replace: z.enum(replacements).nullable(),
  granularity: z.enum(granularities).nullable(),
  pretrainEpochs: epochs,
  ranking: z.enum(rankings).nullable(),
  featureLoss: weight,
  rangeLoss: weight,
  agreement: z.number().refine(isAgreement, `expected a share ${agreementRange}`).nullable(),
}) satisfies z.ZodType<JobSpec>;

const queuedJob = z.strictObject({ spec: jobSpec, costs: machineCostsSchema, version: z.string() });

/** A job on the queue. The network is on the server only once, under `networkKey`. */
export type QueuedJob = z.infer<typeof queuedJob>;

/**
 * The job that a worker finds on the queue. Throws ReluctantError if the sweep has another version than the
 * worker: by its version number, its settings, or another id for the same job.
 */
export function readQueuedJob(id: string | undefined, message: unknown, ownVersion: string): QueuedJob {
  const version = z.object({ version: z.string() }).safeParse(message).data?.version;
  if (version !== ownVersion)
    throw new ReluctantError(
      `the sweep runs reluctant ${version ?? 'of an unknown version'}, but this worker runs ${ownVersion}: use the same version`,
    );
  const { success, data, error } = queuedJob.safeParse(message);
  if (!success) throw new ReluctantError(`${otherVersion}: ${z.prettifyError(error)}`);
  if (id !== queueId(jobId(data.spec))) throw new ReluctantError(`${otherVersion}: its id differs`);
  return data;
}

const otherVersion =
  'this job is from another version of reluctant; use the same version and start the sweep again';

/** The id on the queue, which does not allow numbers alone. */
export function queueId(id: string): string {
  return `run-${id}`;
}

/** The answer of a worker: the outcome and the contents of its files. */
export type QueuedResult = {
  readonly outcome: JobOutcome;
  /** The network in base64. */
  readonly onnx: string;
  readonly windows: string | null;
};

const count = z.int().nonnegative();
const task = {
  phase: z.enum(phases),
  of: name.exactOptional(),
  number: count.exactOptional(),
  count: count.exactOptional(),
};
const training = z.object({
  ...{ epoch: count, epochs: count, step: count, steps: count },
  ...{ loss: z.number(), imagesPerSecond: z.number() },
});
const progressEvent = z.object({
  ...task,
  within: z.array(z.object(task)).exactOptional(),
  ...{ done: z.number(), total: z.number() },
  now: name.exactOptional(),
  training: training.exactOptional(),
}) satisfies z.ZodType<ProgressEvent>;

/** The progress that a worker last reported for a job; undefined before the first report. */
export function readProgress(message: unknown): ProgressEvent | undefined {
  return progressEvent.safeParse(message).data;
}

/** The key of a sweep's network on the server, for workers that share no folder with the sweep. */
export function networkKey(networkHash: string): string {
  return `${queueName}:network:${networkHash}`;
}
