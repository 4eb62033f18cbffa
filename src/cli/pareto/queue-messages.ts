import type { MachineCosts } from '../../../pipelines/machine-costs.ts';
import type { JobSpec } from '../../../pipelines/pareto/job.ts';
import type { JobOutcome } from '../../../pipelines/pareto/result.ts';

/** The queue of all sweeps on a Redis server. */
export const queueName = 'reluctant-pareto';

/** A job on the queue. The network is not in it but once on the server, under `networkKey`. */
export type QueuedJob = { readonly spec: JobSpec; readonly costs: MachineCosts; readonly version: string };

/** What a worker gives back: the outcome and its files' contents. */
export type QueuedResult = {
  readonly outcome: JobOutcome;
  /** Base64. */
  readonly onnx: string;
  readonly windows: string | null;
};

/** Where a sweep puts its network, by its hash, for workers that share no folder with it. */
export function networkKey(networkHash: string): string {
  return `${queueName}:network:${networkHash}`;
}
