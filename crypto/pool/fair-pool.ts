import type { WorkerPool } from './pool.ts';

/**
 * Shares a pool among owners, such as the clients of a server. Owners that have jobs take turns, one job
 * each, so that nobody waits for all the jobs that another has asked for before.
 */
export class FairPool {
  readonly #pool: WorkerPool;
  /** By owner, the one whose turn is next first. */
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();
  #running = 0;

  constructor(pool: WorkerPool) {
    this.#pool = pool;
  }

  /** The pool as one owner sees it. Closing it leaves the pool open. */
  of(owner: string): WorkerPool {
    return {
      threads: this.#pool.threads,
      base: this.#pool,
      run: (job, input, moved) => this.#inTurn(owner, () => this.#pool.run(job, input, moved)),
      close: () => Promise.resolve(),
    };
  }

  #inTurn<Output>(owner: string, start: () => Promise<Output>): Promise<Output> {
    return new Promise((resolve, reject) => {
      const jobs = this.#waiting.get(owner) ?? [];
      jobs.push(() => start().then(resolve, reject));
      this.#waiting.set(owner, jobs);
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#running < this.#pool.threads) {
      const [next] = this.#waiting;
      if (next === undefined) return;
      const [owner, jobs] = next;
      const job = jobs.shift()!;
      this.#waiting.delete(owner);
      if (jobs.length > 0) this.#waiting.set(owner, jobs);
      this.#running++;
      void job().finally(() => {
        this.#running--;
        this.#startNext();
      });
    }
  }
}
