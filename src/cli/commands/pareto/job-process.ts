import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';
import { Child } from '../../../shared/child-process.ts';
import { ReluctantError } from '../../../shared/errors.ts';
import { workerUrl } from '../../../shared/files.ts';
import type { FromJob, ToJob } from './job-messages.ts';
import type { JobWork } from './run-job.ts';

/** The job itself failed; other jobs may still succeed. */
export class JobFailure extends ReluctantError {
  override name = 'JobFailure';
}

/**
 * Runs a job in its own process, which the signal kills. Rejects with JobFailure if the job fails or its
 * process dies, for example for lack of memory.
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
    if (error instanceof ReluctantError) throw new JobFailure(error.message);
    throw error;
  } finally {
    await child.stop();
  }
}
