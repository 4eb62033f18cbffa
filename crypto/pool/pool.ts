import { ProtocolError } from '../../src/shared/errors.ts';
import type { Ring } from '../ring/kernels.ts';

declare const types: unique symbol;

/** The name of a job that a thread of a pool can do, with the types of what goes in and what comes out. */
export type Job<Input, Output> = { readonly name: string; readonly [types]?: (input: Input) => Output };

/** A job of the given types. `namedJobs` gives it its name. */
export function job<Input, Output>(): Job<Input, Output> {
  return { name: '' };
}

/**
 * The jobs of a room, each named by its key. A room that runs jobs imports these names and the types alone;
 * what does them is loaded only in the threads.
 */
export function namedJobs<Jobs extends Readonly<Record<string, Job<never, unknown>>>>(jobs: Jobs): Jobs {
  return Object.fromEntries(Object.keys(jobs).map((name) => [name, { name }])) as unknown as Jobs;
}

/** What a thread has ready for its jobs. */
export type JobTools = {
  readonly ring: Ring;
  /** The bytes of crypto/he/kernels.wasm. */
  readonly heKernels: Uint8Array<ArrayBuffer>;
};

/** An output whose buffers move to the caller instead of being copied. The thread can no longer use them. */
export class Moved<Output> {
  readonly output: Output;
  readonly buffers: readonly ArrayBuffer[];

  constructor(output: Output, buffers: readonly ArrayBuffer[]) {
    this.output = output;
    this.buffers = buffers;
  }
}

/** What a thread does for each of a room's jobs: a job without an entry does not compile. */
export type Implementations<Jobs> = {
  readonly [K in keyof Jobs]: Jobs[K] extends Job<infer Input, infer Output>
    ? (input: Input, tools: JobTools) => Output | Moved<Output> | Promise<Output | Moved<Output>>
    : never;
};

/** A job on its way to a thread. */
export type Task = { readonly name: string; readonly input: unknown };

/**
 * The result of a job as it crosses back to the caller. Errors lose their class between threads, so they are
 * values.
 */
export type Outcome =
  { readonly value: unknown } | { readonly peerFault: string } | { readonly failure: string };

/** The value of an outcome. Throws ProtocolError when the peer's bytes are at fault, Error otherwise. */
export function valueOf(task: Task, outcome: Outcome): unknown {
  if ('peerFault' in outcome) throw new ProtocolError(outcome.peerFault);
  if ('failure' in outcome) throw new Error(`job ${task.name}: ${outcome.failure}`);
  return outcome.value;
}

/** Threads that do jobs, for any number of sessions. */
export interface WorkerPool {
  readonly threads: number;
  /** The pool whose threads and memory this one uses (default: its own). */
  readonly base?: WorkerPool;
  /**
   * Runs one job on the next free thread. Arrays in shared memory are seen by both sides. The buffers in
   * `moved` go to the thread and cannot be used afterwards; all else is copied. Throws ProtocolError when the
   * peer's bytes are at fault, Error when the job failed or its thread died.
   */
  run<Input, Output>(job: Job<Input, Output>, input: Input, moved?: readonly ArrayBuffer[]): Promise<Output>;
  close(): Promise<void>;
}

/** Runs a job over [0, count), cut into one contiguous part per thread, and returns the parts' outputs. */
export async function split<Input, Output>(
  pool: WorkerPool,
  job: Job<Input, Output>,
  count: number,
  inputOf: (from: number, to: number) => Input,
): Promise<Output[]> {
  const parts = Math.min(pool.threads, count);
  const bound = (part: number) => Math.floor((part * count) / parts);
  const running = Array.from({ length: parts }, (_, part) =>
    pool.run(job, inputOf(bound(part), bound(part + 1))),
  );
  // Waits for all parts: one that still runs after another has failed must not write into the memory of a
  // later call.
  const settled = await Promise.allSettled(running);
  return settled.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}
