import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { JobOutcome } from '../../../../pipelines/pareto/result.ts';
import { ReluctantError } from '../../../shared/errors.ts';
import { workerUrl } from '../../../shared/files.ts';
import type { FromJob, ToJob } from './job-messages.ts';
import type { JobWork } from './run-job.ts';

/** The job itself failed: others may still do well. */
export class JobFailure extends ReluctantError {
  override name = 'JobFailure';
}

/**
 * Does a job in a process of its own, which is killed with the signal. Rejects with JobFailure where the job fails or its process dies,
 * for instance for want of memory.
 */
export function jobProcess({ onProgress, say, ...work }: JobWork, signal: AbortSignal): Promise<JobOutcome> {
  const child = fork(fileURLToPath(workerUrl(import.meta.url, 'job-main')), { stdio: 'ignore' });
  const kill = () => child.kill('SIGKILL');
  signal.addEventListener('abort', kill);
  const outcome = new Promise<JobOutcome>((resolve, reject) => {
    child.on('message', (message: FromJob) => {
      if (message.kind === 'progress') onProgress(message.event);
      if (message.kind === 'said') say(message.line);
      if (message.kind === 'done') resolve(message.outcome);
      if (message.kind === 'failed') reject(new JobFailure(message.message));
    });
    child.once('error', reject);
    child.once('exit', (code, name) => {
      reject(new JobFailure(`its process ended with ${name ?? `code ${code}`} before it was done`));
    });
  });
  // A process that is gone before it has its work cannot be told; its exit says so.
  child.send(work satisfies ToJob, () => undefined);
  return outcome.finally(() => signal.removeEventListener('abort', kill));
}
