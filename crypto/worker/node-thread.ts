import { yieldToMainThread } from '../platform/node.ts';
import { move, transferableSymbol, valueSymbol } from 'piscina';
import { readLinearKernels } from '../he/server-engine.ts';
import type { Outcome, Task } from '../pool/pool.ts';
import { releaseAll } from '../../src/shared/release.ts';
import { loadRing } from '../ring/kernels.ts';
import { allJobs } from './all-jobs.ts';
import { perform } from './perform.ts';

// Online phases run in the main thread, and go before the offline work that threads do.
yieldToMainThread();

const [ring, heKernels] = await Promise.all([loadRing(), readLinearKernels()]);

/** The entry point of a thread of `ThreadPool`. */
export async function run(task: Task): Promise<Outcome> {
  const { outcome, moved } = await perform(allJobs, task, { ring, heKernels });
  // What came in is this thread's alone: copies, or what moved here.
  releaseAll(task.input);
  if (moved.length === 0) return outcome;
  const whole: unknown = { [transferableSymbol]: moved, [valueSymbol]: outcome };
  return move(whole as Parameters<typeof move>[0]) as unknown as Outcome;
}
