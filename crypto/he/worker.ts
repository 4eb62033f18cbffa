import { ProtocolError } from '../../src/shared/errors.ts';
import { jobs } from './jobs.ts';
import type { JobInput, JobName, JobOutput, Outcome } from './jobs.ts';
import { resetSeal } from './seal.ts';

type Task<K extends JobName> = { readonly name: K; readonly input: JobInput<K> };

/**
 * The entry point of a pool thread. After a failure that is not the peer's, the thread gives up its SEAL,
 * whose heap may be broken.
 */
export async function run<K extends JobName>(task: Task<K>): Promise<Outcome<JobOutput<K>>> {
  const job = jobs[task.name] as (input: JobInput<K>) => Promise<JobOutput<K>>;
  try {
    return { value: await job(task.input) };
  } catch (error) {
    if (error instanceof ProtocolError) return { peerFault: error.message };
    resetSeal();
    // A C++ exception is a WebAssembly.Exception, which is not an Error and does not cross threads.
    return { failure: error instanceof Error ? error.message : 'SEAL threw a C++ exception' };
  }
}
