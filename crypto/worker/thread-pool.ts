import '../platform/node.ts';
import { Piscina } from 'piscina';
import { workerUrl } from '../../src/shared/files.ts';
import { valueOf } from '../pool/pool.ts';
import type { Job, Outcome, Task, WorkerPool } from '../pool/pool.ts';

/** Of each thread, whose arrays lie outside of it. By default V8 may take three times 16 MB. */
const maxYoungGenerationSizeMb = 6;

/**
 * A pool of Node's worker threads, each with its own WASM heaps. A thread that dies is replaced, and only its
 * current job is lost.
 */
export class ThreadPool implements WorkerPool {
  readonly #piscina: Piscina;
  readonly threads: number;

  /** `threads` (default: one per core). */
  constructor(threads: number = navigator.hardwareConcurrency) {
    this.threads = threads;
    this.#piscina = new Piscina({
      filename: workerUrl(import.meta.url, 'node-thread'),
      name: 'run',
      minThreads: threads,
      maxThreads: threads,
      resourceLimits: { maxYoungGenerationSizeMb },
    });
  }

  async run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<Output> {
    const task: Task = { name: job.name, input };
    const outcome = (await this.#piscina.run(task, { transferList: [...moved] })) as Outcome;
    return valueOf(task, outcome) as Output;
  }

  /** Kills one thread as a crash would, for tests of recovery and for operators. */
  async terminateThread(index: number): Promise<void> {
    await this.#piscina.threads[index]?.terminate();
  }

  async close(): Promise<void> {
    await this.#piscina.close();
  }
}
