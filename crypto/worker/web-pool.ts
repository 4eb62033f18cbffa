import { valueOf } from '../pool/pool.ts';
import type { Job, Outcome, Task, WorkerPool } from '../pool/pool.ts';
import type { WorkerEnd } from './web-thread.ts';

/** What is used of a browser's Worker. TypeScript declares it only in the DOM library. */
export type WebWorker = WorkerEnd & {
  onerror: ((event: { readonly message?: string }) => void) | null;
  terminate(): void;
};

type Waiting = {
  readonly task: Task;
  readonly moved: readonly ArrayBuffer[];
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: Error) => void;
};

/**
 * A pool of a browser's workers, which `start` makes. A worker that fails is replaced, and only its current
 * job is lost.
 */
export class WebPool implements WorkerPool {
  readonly threads: number;
  readonly #start: () => WebWorker;
  readonly #idle: WebWorker[];
  readonly #busy = new Map<WebWorker, Waiting>();
  readonly #queue: Waiting[] = [];
  #isClosed = false;
  /** Why no worker is left. */
  #failure: Error | undefined;

  constructor(threads: number, start: () => WebWorker) {
    this.threads = threads;
    this.#start = start;
    this.#idle = Array.from({ length: threads }, () => this.#started());
  }

  async run<Input, Output>(
    job: Job<Input, Output>,
    input: Input,
    moved: readonly ArrayBuffer[] = [],
  ): Promise<Output> {
    if (this.#isClosed) throw new Error('pool: used after close');
    if (this.#failure !== undefined) throw this.#failure;
    const task: Task = { name: job.name, input };
    const outcome = await new Promise<Outcome>((resolve, reject) => {
      this.#queue.push({ task, moved, resolve, reject });
      this.#next();
    });
    return valueOf(task, outcome) as Output;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    const closed = new Error('pool: closed');
    for (const { reject } of [...this.#queue, ...this.#busy.values()]) reject(closed);
    for (const worker of [...this.#idle, ...this.#busy.keys()]) worker.terminate();
    this.#queue.length = 0;
    return Promise.resolve();
  }

  #started(): WebWorker {
    const worker = this.#start();
    worker.onmessage = ({ data }) => {
      this.#take(worker)?.resolve(data as Outcome);
      this.#idle.push(worker);
      this.#next();
    };
    worker.onerror = ({ message = 'no reason given' }) =>
      this.#lost(worker, new Error(`a worker failed: ${message}`));
    return worker;
  }

  #lost(worker: WebWorker, error: Error): void {
    worker.terminate();
    const waiting = this.#take(worker);
    waiting?.reject(error);
    const index = this.#idle.indexOf(worker);
    if (index !== -1) this.#idle.splice(index, 1);
    if (this.#isClosed) return;
    // One that fails before it had a job would fail again and again.
    if (waiting !== undefined) this.#idle.push(this.#started());
    if (this.#idle.length + this.#busy.size > 0) return this.#next();
    for (const { reject } of this.#queue.splice(0)) reject(error);
    this.#failure = error;
  }

  #take(worker: WebWorker): Waiting | undefined {
    const waiting = this.#busy.get(worker);
    this.#busy.delete(worker);
    return waiting;
  }

  #next(): void {
    while (this.#idle.length > 0 && this.#queue.length > 0) {
      const [worker, waiting] = [this.#idle.shift()!, this.#queue.shift()!];
      this.#busy.set(worker, waiting);
      worker.postMessage(waiting.task, [...waiting.moved]);
    }
  }
}
