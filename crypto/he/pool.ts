import { Piscina } from 'piscina';
import { ProtocolError } from '../../src/shared/errors.ts';
import { workerUrl } from '../../src/shared/files.ts';
import type { JobInput, JobName, JobOutput, Outcome } from './jobs.ts';

/** For the transformed weights of all threads together. */
export const defaultWeightCacheBytes: number = 448 * 2 ** 20;

/**
 * Threads that run SEAL, each with its own WASM heap, for any number of sessions. A thread that dies is replaced; only the job it
 * had is lost.
 */
export class HePool {
  readonly #piscina: Piscina;
  readonly threads: number;
  /** What a thread's transformed weights may take. */
  readonly weightCacheBytes: number;

  /** `weightCacheBytes` is for all threads together; a WASM heap ends at 4 GiB, of which a thread gives it 2. */
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

  /** Throws ProtocolError where the peer's bytes are at fault, Error where the job failed or its thread died. */
  async run<K extends JobName>(name: K, input: JobInput<K>): Promise<JobOutput<K>> {
    const outcome = (await this.#piscina.run({ name, input })) as Outcome<JobOutput<K>>;
    if ('peerFault' in outcome) throw new ProtocolError(outcome.peerFault);
    if ('failure' in outcome) throw new Error(`homomorphic encryption, ${name}: ${outcome.failure}`);
    return outcome.value;
  }

  /** Runs `name` over [0, count) in one contiguous part a thread. */
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
    // All of them: a part still running after another's failure must not write into a later call's memory.
    const settled = await Promise.allSettled(running);
    const failed = settled.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  /** Kills one thread, as a crash would. For tests of recovery and for operators. */
  async terminateThread(index: number): Promise<void> {
    await this.#piscina.threads[index]?.terminate();
  }

  async close(): Promise<void> {
    await this.#piscina.close();
  }
}
