import { Piscina } from 'piscina';
import { ProtocolError } from '../../src/shared/errors.ts';
import { workerUrl } from '../../src/shared/files.ts';
import type { JobInput, JobName, JobOutput, Outcome } from './jobs.ts';

/** The bytes that the transformed weights of all threads together may take. */
export const defaultWeightCacheBytes: number = 448 * 2 ** 20;

/**
 * Threads that run SEAL, each with its own WASM heap, for any number of sessions. A thread that dies is
 * replaced, and only its current job is lost.
 */
export class HePool {
  readonly #piscina: Piscina;
  readonly threads: number;
  /** The bytes that the transformed weights of one thread may take. */
  readonly weightCacheBytes: number;

  /**
   * `threads` (default: one per core). `weightCacheBytes` is for all threads together (default:
   * `defaultWeightCacheBytes`). A WASM heap ends at 4 GiB, so a thread gives at most 2 GiB of it to weights.
   */
  constructor(
    threads: number = navigator.hardwareConcurrency,
    weightCacheBytes: number = defaultWeightCacheBytes,
  ) {
    this.threads = threads;
    this.weightCacheBytes = Math.min(weightCacheBytes / threads, 2 ** 31);
    this.#piscina = new Piscina({
      filename: workerUrl(import.meta.url, 'worker'),
      name: 'run',
      minThreads: threads,
      maxThreads: threads,
    });
  }

  /**
   * Runs one job. Throws ProtocolError when the peer's bytes are at fault, Error when the job failed or its
   * thread died.
   */
  async run<K extends JobName>(name: K, input: JobInput<K>): Promise<JobOutput<K>> {
    const outcome = (await this.#piscina.run({ name, input })) as Outcome<JobOutput<K>>;
    if ('peerFault' in outcome) throw new ProtocolError(outcome.peerFault);
    if ('failure' in outcome) throw new Error(`homomorphic encryption, ${name}: ${outcome.failure}`);
    return outcome.value;
  }

  /** Runs a job over [0, count), cut into one contiguous part per thread. */
  async split<K extends JobName>(
    name: K,
    count: number,
    inputOf: (from: number, to: number) => JobInput<K>,
  ): Promise<void> {
    const parts = Math.min(this.threads, count);
    const bound = (part: number) => Math.floor((part * count) / parts);
    const running = Array.from({ length: parts }, (_, part) =>
      this.run(name, inputOf(bound(part), bound(part + 1))),
    );
    // Waits for all parts: one that still runs after another has failed must not write into the memory of a
    // later call.
    const settled = await Promise.allSettled(running);
    const failed = settled.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Kills one thread as a crash would, for tests of recovery and for operators. */
  async terminateThread(index: number): Promise<void> {
    await this.#piscina.threads[index]?.terminate();
  }

  async close(): Promise<void> {
    await this.#piscina.close();
  }
}
