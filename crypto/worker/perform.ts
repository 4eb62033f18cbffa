import { ProtocolError } from '../../src/shared/errors.ts';
import { resetSeal } from '../he/seal.ts';
import { Moved } from '../pool/pool.ts';
import type { JobTools, Outcome, Task } from '../pool/pool.ts';

/** What a thread does for each name of a job. */
export type Performed = Readonly<Record<string, (input: never, tools: JobTools) => unknown>>;

type Done = { readonly outcome: Outcome; readonly moved: readonly ArrayBuffer[] };

/**
 * Does one of these jobs in this thread. After a failure that is not the peer's, the thread gives up its
 * SEAL, whose heap may be broken.
 */
export async function perform(jobs: Performed, { name, input }: Task, tools: JobTools): Promise<Done> {
  try {
    const output = await jobs[name]!(input as never, tools);
    if (output instanceof Moved) return { outcome: { value: output.output }, moved: output.buffers };
    return { outcome: { value: output }, moved: [] };
  } catch (error) {
    if (error instanceof ProtocolError) return { outcome: { peerFault: error.message }, moved: [] };
    resetSeal();
    // A C++ exception is a WebAssembly.Exception, which is not an Error and does not cross threads.
    const failure = error instanceof Error ? error.message : 'SEAL threw a C++ exception';
    return { outcome: { failure }, moved: [] };
  }
}
