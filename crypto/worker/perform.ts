import { ProtocolError } from '../../src/shared/errors.ts';
import { heImplementations } from '../he/implementations.ts';
import { otImplementations } from '../ot/implementations.ts';
import { productImplementations } from '../products/implementations.ts';
import { resetSeal } from '../he/seal.ts';
import { signImplementations } from '../sign/implementations.ts';
import { Moved } from '../pool/pool.ts';
import type { JobTools, Outcome, Task } from '../pool/pool.ts';

/** Every room's jobs. Each room's own table is total by its type. */
const implementations = {
  ...heImplementations,
  ...otImplementations,
  ...signImplementations,
  ...productImplementations,
};

type Done = { readonly outcome: Outcome; readonly moved: readonly ArrayBuffer[] };

/**
 * Does a job in this thread. After a failure that is not the peer's, the thread gives up its SEAL, whose heap
 * may be broken.
 */
export async function perform({ name, input }: Task, tools: JobTools): Promise<Done> {
  try {
    const does = implementations[name as keyof typeof implementations];
    const output = await (does as (input: unknown, tools: JobTools) => unknown)(input, tools);
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
