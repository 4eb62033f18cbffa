import { encodeInput } from '../../pipelines/inference/encoding.ts';
import type { Plan } from '../../pipelines/plan/plan.ts';
import type { RetryOptions } from '../net/retry.ts';
import { retried } from '../net/retry.ts';
import { ConnectionError, DataError, RefusedError } from '../shared/errors.ts';
import { silent } from '../shared/progress.ts';
import type { BatchOptions, InferenceResult } from './result.ts';

/** What a batch asks of the connection that a session has. */
export type Asker = {
  /** Why the connection ended; undefined while it is open. */
  readonly failure: () => Error | undefined;
  /** How many inferences are prepared. */
  readonly ready: () => number;
  /** How many may be prepared, with those that are being so. */
  readonly most: number;
  /** Seconds for which the client may say nothing. */
  readonly longestWait: number;
  /** Asks for one more, and gives its number. */
  readonly ask: () => Promise<number>;
  /** Prepares it; in the order in which they were asked for. */
  readonly prepare: (number: number) => Promise<void>;
  /** Answers so many images with what is prepared. */
  readonly infer: (images: readonly Float32Array[]) => Promise<InferenceResult[]>;
};

/** Throws DataError, which names the image, if it does not fit the plan. */
export function checkImage(plan: Plan, image: Float32Array, index: number): void {
  try {
    encodeInput(plan, image);
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    throw new DataError(error.message.replace(/^image:/, `image ${index}:`));
  }
}

/**
 * The answers of all images, over one connection or, as `retry` allows after a failure, several. `connected`
 * gives the one that there is, or a new one.
 */
export async function answered(
  images: readonly Float32Array[],
  options: BatchOptions,
  retry: RetryOptions,
  connected: () => Promise<Asker>,
): Promise<InferenceResult[]> {
  const batch = new Batch(images, options, retry);
  while (batch.left > 0) {
    const before = batch.left;
    try {
      await retried(retry, async () => batch.run(await connected()));
    } catch (error) {
      // The time to try again in begins anew with each connection that brought answers.
      const goesOn = error instanceof ConnectionError && batch.left < before && (retry.retrySeconds ?? 0) > 0;
      if (!goesOn) throw error;
    }
  }
  return batch.results;
}

/**
 * The images of a batch. Two loops run beside each other: one prepares inferences as far as the server's
 * limits allow, the other answers as many images at once as are prepared.
 */
class Batch {
  readonly results: InferenceResult[] = [];
  readonly #images: readonly Float32Array[];
  readonly #options: BatchOptions;
  readonly #retry: RetryOptions;
  /** The numbers of the images that wait. */
  readonly #queue: number[];
  readonly #changed = new Signal();
  #done = 0;
  /** Images whose answer is under way, the first of the queue. */
  #answering = 0;
  /** One of the loops has ended. */
  #isEnding = false;

  constructor(images: readonly Float32Array[], options: BatchOptions, retry: RetryOptions) {
    this.#images = images;
    this.#options = options;
    this.#retry = retry;
    this.#queue = images.map((_, i) => i);
  }

  /** How many images have no answer. */
  get left(): number {
    return this.#queue.length;
  }

  /** Answers all that wait. After a failure, what is prepared answers as many as it can. */
  async run(asker: Asker): Promise<void> {
    this.#isEnding = false;
    const loops = [this.#prepareAll(asker), this.#answerAll(asker)].map((loop) =>
      loop.finally(() => {
        this.#isEnding = true;
        this.#changed.tell();
      }),
    );
    const outcomes = await Promise.allSettled(loops);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async #prepareAll(asker: Asker): Promise<void> {
    let next: Promise<number | undefined> | undefined;
    while (next !== undefined || (this.left > 0 && !this.#isEnding)) {
      if (next === undefined && !this.#wantsMore(asker, 0)) {
        await this.#changed.told();
        continue;
      }
      const number = await (next ?? this.#granted(asker));
      if (number === undefined) return;
      // The next one is asked for while this one is prepared.
      next = this.#wantsMore(asker, 1) ? this.#granted(asker) : undefined;
      next?.catch(() => undefined);
      await asker.prepare(number);
      this.#changed.tell();
    }
  }

  #wantsMore({ ready, most }: Asker, beingPrepared: number): boolean {
    return !this.#isEnding && ready() + beingPrepared < Math.min(this.#unasked, most);
  }

  /**
   * The number of an inference that the server grants, now or when its limits allow it; undefined if a loop
   * ended meanwhile.
   */
  async #granted({ ask, longestWait }: Asker): Promise<number | undefined> {
    while (!this.#isEnding) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof RefusedError) || error.retryAfter === undefined) throw error;
        this.#retry.onRetry?.(error, error.retryAfter);
        await this.#pause(Math.min(Math.max(error.retryAfter, shortestPause), longestWait));
      }
    }
    return undefined;
  }

  /** Waits for so long, or until a loop has ended. */
  async #pause(seconds: number): Promise<void> {
    const isOver = Promise.withResolvers<void>();
    const timer = setTimeout(isOver.resolve, 1000 * seconds);
    let isDue = false;
    const due = isOver.promise.then(() => (isDue = true));
    while (!isDue && !this.#isEnding) await Promise.race([due, this.#changed.told()]);
    clearTimeout(timer);
  }

  async #answerAll(asker: Asker): Promise<void> {
    while (this.left > 0) {
      const failure = asker.failure();
      if (failure !== undefined) throw failure;
      const count = Math.min(asker.ready(), this.left);
      if (count > 0) await this.#answer(asker, count);
      else if (this.#isEnding) return;
      else await this.#changed.told();
    }
  }

  async #answer(asker: Asker, count: number): Promise<void> {
    const some = this.#queue.slice(0, count);
    this.#answering = count;
    try {
      const results = await asker.infer(some.map((i) => this.#images[i]!));
      this.#queue.splice(0, count);
      results.forEach((result, k) => this.#deliver(result, some[k]!));
    } finally {
      this.#answering = 0;
      this.#changed.tell();
    }
  }

  /** Images for which no inference is taken. */
  get #unasked(): number {
    return this.left - this.#answering;
  }

  #deliver(result: InferenceResult, index: number): void {
    const { onAnswer, onProgress = silent } = this.#options;
    this.results[index] = result;
    onAnswer?.(result, index);
    const total = this.#images.length;
    onProgress({ phase: 'private-answers', done: ++this.#done, total });
  }
}

/** Seconds between two requests at least, whatever the server says. */
const shortestPause = 0.1;

/** Wakes all who wait. */
class Signal {
  #next = Promise.withResolvers<void>();

  told(): Promise<void> {
    return this.#next.promise;
  }

  tell(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers<void>();
  }
}
