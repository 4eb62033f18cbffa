import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';
import type { ProgressEvent } from '../../../shared/progress.ts';
import type { JobWork } from './run-job.ts';

/** The one message to a job's process, and its messages back. */
export type ToJob = { readonly kind: 'job'; readonly work: Omit<JobWork, 'onProgress' | 'say'> };

export type FromJob =
  | { readonly kind: 'progress'; readonly event: ProgressEvent }
  | { readonly kind: 'said'; readonly line: string }
  | { readonly kind: 'done'; readonly outcome: JobOutcome };
