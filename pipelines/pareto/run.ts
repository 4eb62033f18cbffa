import type { JobSpec } from './job.ts';
import type { InferenceCost, Machine, RunResult } from './result.ts';

/** The costs of a point and where they were found. */
export type StoredCost = InferenceCost & { readonly machine: Machine; readonly at: string };

export type RunState = 'waiting' | 'running' | 'done' | 'failed';

export type Run = {
  readonly id: string;
  readonly spec: JobSpec;
  readonly state: RunState;
  /** Why it failed. */
  readonly message: string | null;
  readonly attempts: number;
  /** Where `state` is 'done'; its costs are those of `costs`. */
  readonly result: (Omit<RunResult, 'costs'> & { readonly finishedAt: string }) | null;
  readonly costs: readonly StoredCost[];
};
