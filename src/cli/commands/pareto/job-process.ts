import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';
import { Child, ChildFailure } from '../../../shared/child-process.ts';
import { ReluctantError } from '../../../shared/errors.ts';
import { workerUrl } from '../../../shared/files.ts';
import type { FromJob, ToJob } from './job-messages.ts';
import type { JobWork } from './run-job.ts';

/** The job itself failed: others may still do well. */
export class JobFailure extends ReluctantError {
  override name = 'JobFailure';
}

/**
 * Does a job in a process of its own, which is killed with the signal. Rejects with JobFailure where the job fails or
 * its process dies, for instance for want of memory.
 */
export async function jobProcess(
  { onProgress, say, ...work }: JobWork,
  signal: AbortSignal,
): Promise<JobOutcome> {
  const program = workerUrl(import.meta.url, 'job-main');
  const child = new Child<ToJob, FromJob>({ program, signal });
  child.send({ kind: 'job', work });
  try {
    for (;;) {
      const message = await child.next();
      if (message.kind === 'progress') onProgress(message.event);
      if (message.kind === 'said') say(message.line);
      if (message.kind === 'done') return message.outcome;
    }
  } catch (error) {
    if (error instanceof ChildFailure) throw new JobFailure(error.message);
    throw error;
  } finally {
    await child.stop();
  }
}
