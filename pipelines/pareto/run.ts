import type { JobSpec } from './job.ts';
import type { InferenceCost, Machine, RunResult } from './result.ts';

/** A cost of a run, with the machine and the time (ISO 8601) of its prediction or measurement. */
export type StoredCost = InferenceCost & { readonly machine: Machine; readonly at: string };

export type RunState = 'waiting' | 'running' | 'done' | 'failed';

export type Run = {
  readonly id: string;
  readonly spec: JobSpec;
  readonly state: RunState;
  /** Why the job failed; null if it did not. */
  readonly message: string | null;
  readonly attempts: number;
  /** The result of a run whose `state` is 'done', else null. Its costs are in `costs`. */
  readonly result: (Omit<RunResult, 'costs'> & { readonly finishedAt: string }) | null;
  readonly costs: readonly StoredCost[];
};
