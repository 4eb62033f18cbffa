import type { WorkerPool } from '../../crypto/pool/pool.ts';
import type { Shape } from '../../models/tensor.ts';
import type { ClientCaches } from '../../pipelines/inference/caches.ts';
import { openClientParty } from '../../pipelines/inference/parties.ts';
import { encodeInput } from '../../pipelines/inference/encoding.ts';
import { planHash } from '../../pipelines/plan/codec.ts';
import { wireOf } from '../../pipelines/plan/plan.ts';
import type { Plan } from '../../pipelines/plan/plan.ts';
import { answered, checkImage } from './batch.ts';
import type { Asker } from './batch.ts';
import { answerOver, askOver, prepareOver, request } from './link.ts';
import type { ClientChannel, Link, Ready } from './link.ts';
import type { BatchOptions, InferenceResult } from './result.ts';
import { greetServer } from '../net/handshake.ts';
import type { Wanted } from '../net/handshake.ts';
import { maxHeld } from '../net/messages.ts';
import type { Limits } from '../net/messages.ts';
import { retried } from '../net/retry.ts';
import type { RetryOptions } from '../net/retry.ts';
import { asError, ConnectionError, ProtocolError, RefusedError, UsageError } from '../shared/errors.ts';
import type { Rng } from '../shared/random.ts';
import { idleTimer } from '../shared/timers.ts';
import type { Timer } from '../shared/timers.ts';

export type { BatchOptions, InferenceResult } from './result.ts';

export type Session = {
  /** The plan that the server runs. It is public. */
  readonly plan: Plan;
  /** What the server allows a client. */
  readonly limits: Limits;
  /** The shape [C, H, W] of the images that `infer` takes. */
  readonly inputShape: Shape;
  /**
   * Runs the offline phase of one more inference, before its image is known. Rejects with RefusedError when
   * the server's limits do not allow it now; the session then stays open, and what is prepared stays
   * prepared.
   */
  prepare(): Promise<void>;
  /**
   * Runs one private inference on an image of [C, H, W] floats. It runs the offline phase first when none is
   * prepared. Calls must not overlap. Rejects with RefusedError as `prepare` does, and with ConnectionError
   * when the connection was lost. A later call then continues the session with what is prepared, if the
   * server still allows it (`limits.resumeSeconds`). An inference whose image was on its way is spent.
   */
  infer(image: Float32Array): Promise<InferenceResult>;
  /**
   * Runs a private inference on each image and returns the answers in their order. While some are answered,
   * the next are prepared, and those that are prepared are answered in the same round trips. Rejects with
   * DataError before anything is sent if any image does not fit. It waits for the server's limits as long as
   * the server says, and continues over another connection as `retrySeconds` allows; then images whose answer
   * was on its way are asked for again. Else it rejects as `infer` does; `onAnswer` has told what was
   * answered.
   */
  inferAll(images: readonly Float32Array[], options?: BatchOptions): Promise<InferenceResult[]>;
  /** Leaves the session, overwrites its keys in shared memory, and closes the pool unless it was given. */
  close(): Promise<void>;
};

export type SessionParts = {
  /** Opens a connection to the server. */
  open(): Promise<ClientChannel>;
  /** Called once, after the first greeting. */
  pool(): WorkerPool;
  /** The pool is closed with the session. */
  readonly ownsPool: boolean;
  readonly rng: Rng;
  readonly wanted: Wanted;
  readonly retry: RetryOptions;
  /** Inferences to keep prepared. */
  readonly ahead: number;
  /** What is kept to save work, by a client with so many threads (default: `defaultCaches`). */
  readonly caches?: (threads: number) => ClientCaches;
};

/** Milliseconds before what should be ready is tried again after the connection was lost. */
const backgroundPause = 2000;

/** A session with a server, through all its connections. */
export class ClientSession implements Session {
  readonly #parts: SessionParts;
  /**
   * Prepared inferences by number, oldest first. Each is removed before its use: never twice, whatever
   * breaks.
   */
  readonly #ready = new Map<number, Ready>();
  #pool: WorkerPool | undefined;
  #known: { readonly plan: Plan; readonly limits: Limits; readonly ticket: string } | undefined;
  #link: Link | undefined;
  #connecting: Promise<Link> | undefined;
  /** The connection that is being made, before it is the link's. */
  #opening: ClientChannel | undefined;
  /** Why the session is over. */
  #over: Error | undefined;
  #busy = false;
  #background: Promise<void> | undefined;
  #pause: Timer | undefined;

  private constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  static async open(parts: SessionParts): Promise<ClientSession> {
    const session = new ClientSession(parts);
    try {
      await retried(parts.retry, () => session.#connected());
    } catch (error) {
      await session.#free();
      throw error;
    }
    session.#fill();
    return session;
  }

  get plan(): Plan {
    return this.#known!.plan;
  }

  get limits(): Limits {
    return this.#known!.limits;
  }

  get inputShape(): Shape {
    return wireOf(this.plan, this.plan.input.wire).shape;
  }

  async infer(image: Float32Array): Promise<InferenceResult> {
    encodeInput(this.plan, image); // A bad image is refused before it costs an offline phase.
    return this.#alone(async () => {
      const link = await this.#retried(() => this.#withOneReady());
      return (await this.#inferOver(link, [image]))[0]!;
    });
  }

  async inferAll(images: readonly Float32Array[], options: BatchOptions = {}): Promise<InferenceResult[]> {
    images.forEach((image, i) => checkImage(this.plan, image, i));
    return this.#alone(async () => {
      await this.#background;
      return answered(images, options, this.#parts.retry, () => this.#asker());
    });
  }

  /** What a batch does over the connection that there is, or a new one. */
  async #asker(): Promise<Asker> {
    const link = await this.#connected();
    return {
      failure: () => link.channel.failure,
      ready: () => this.#ready.size,
      most: Math.min(this.limits.prepared, maxHeld),
      longestWait: this.limits.idleSeconds / 2,
      ask: () => askOver(link),
      prepare: (number) => this.#offline(link, number),
      infer: (images) => this.#inferOver(link, images),
    };
  }

  prepare(): Promise<void> {
    return this.#alone(async () => {
      await this.#background;
      await this.#retried(async () => this.#prepareOver(await this.#connected()));
    });
  }

  /**
   * The connection, when at least one inference is prepared. An answer does not wait for what the background
   * prepares beside it, unless nothing else is ready.
   */
  async #withOneReady(): Promise<Link> {
    const link = await this.#connected();
    if (this.#ready.size > 0) return link;
    // No other preparation begins while a call runs.
    await this.#background;
    const next = await this.#connected();
    if (this.#ready.size === 0) await this.#prepareOver(next);
    return next;
  }

  async close(): Promise<void> {
    const link = this.#link;
    const isQuiet = !this.#busy && this.#background === undefined;
    if (isQuiet && link !== undefined) await request(link, { kind: 'goodbye' }).catch(() => undefined);
    this.#end();
    await this.#background;
    await this.#free();
  }

  async #free(): Promise<void> {
    this.#link?.party.close();
    this.#link = undefined;
    if (this.#parts.ownsPool) await this.#pool?.close();
  }

  /** Runs one call alone: the frames of two calls must not mix. The background may go on beside it. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy)
      throw new UsageError('session: expected one call at a time; wait for the call before to end');
    this.#busy = true;
    try {
      return await work();
    } catch (error) {
      this.#settle(error);
      throw error;
    } finally {
      this.#busy = false;
      this.#fill();
    }
  }

  /** What an error leaves of the session: after a refusal all, after a lost connection what is prepared. */
  #settle(error: unknown): void {
    if (error instanceof RefusedError) return;
    const reason = asError(error);
    if (error instanceof ConnectionError && this.limits.resumeSeconds > 0) this.#link?.channel.close(reason);
    else this.#end(reason);
  }

  /** Without a reason the caller wanted it. */
  #end(reason?: Error): void {
    this.#over ??= reason ?? new ProtocolError('the session is closed');
    this.#ready.clear();
    clearTimeout(this.#pause);
    this.#link?.channel.close(reason);
    this.#opening?.close(reason);
  }

  #retried<T>(work: () => Promise<T>): Promise<T> {
    return retried(this.#parts.retry, work, this.limits.idleSeconds / 2);
  }

  /** The connection; another one if it is lost. A call and the background share one. */
  #connected(): Promise<Link> {
    return (this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined)));
  }

  async #connect(): Promise<Link> {
    const failure = this.#link?.channel.failure;
    if (failure !== undefined) this.#settle(failure);
    this.#expectOpen();
    if (this.#link !== undefined && failure === undefined) return this.#link;
    this.#link?.party.close();
    this.#link = undefined;
    const channel = (this.#opening = await this.#parts.open());
    try {
      this.#expectOpen();
      const { rng, caches } = this.#parts;
      const { plan, limits, ticket, kept, transfers } = await greetServer(channel, this.#wanted());
      this.#known = { plan, limits, ticket };
      for (const number of this.#ready.keys()) if (!kept.includes(number)) this.#ready.delete(number);
      this.#pool ??= this.#parts.pool();
      const own = caches?.(this.#pool.threads);
      const party = await openClientParty(channel, this.#pool, plan, rng, transfers, own);
      this.#link = { channel, party, requests: 0, granted: new Map() };
      this.#expectOpen();
      return this.#link;
    } catch (error) {
      channel.close(asError(error));
      throw error;
    } finally {
      this.#opening = undefined;
    }
  }

  /** The session may have ended while a connection was made. */
  #expectOpen(): void {
    if (this.#over === undefined) return;
    this.#link?.party.close();
    throw this.#over;
  }

  #wanted(): Wanted {
    if (this.#known === undefined) return this.#parts.wanted;
    const { plan, ticket } = this.#known;
    const resume = { ticket, held: [...this.#ready.keys()] };
    return { ...this.#parts.wanted, planHash: planHash(plan), resume };
  }

  async #prepareOver(link: Link): Promise<void> {
    // Tables that have not left would be counted with the answer, before which they are on the wire.
    await this.#offline(link, await askOver(link), () => link.channel.flushed());
  }

  async #offline(link: Link, number: number, afterwards?: () => Promise<void>): Promise<void> {
    const ready = await prepareOver(link, number, this.plan, afterwards);
    // The server has it no more if the session went on over another connection meanwhile.
    if (link !== this.#link) throw new ConnectionError('the connection was lost');
    this.#ready.set(number, ready);
  }

  /** Answers several images in the same round trips, with what was prepared first. */
  #inferOver(link: Link, images: readonly Float32Array[]): Promise<InferenceResult[]> {
    const taken = [...this.#ready].slice(0, images.length);
    taken.forEach(([number]) => this.#ready.delete(number));
    return answerOver(link, this.plan, taken, images);
  }

  /** Prepares in the background what should be ready, one inference after the other, while no call runs. */
  #fill(): void {
    const wanted = Math.min(this.#parts.ahead, this.limits.prepared);
    const isIdle = !this.#busy && this.#background === undefined && this.#over === undefined;
    if (!isIdle || this.#ready.size >= wanted) return;
    clearTimeout(this.#pause);
    this.#background = this.#prepareInBackground().then((pause) => {
      this.#background = undefined;
      if (pause === 0) this.#fill();
      else if (pause !== undefined) this.#pause = idleTimer(() => this.#fill(), pause);
    });
  }

  /** Milliseconds to wait before the next one; undefined: until the next call. It never rejects. */
  async #prepareInBackground(): Promise<number | undefined> {
    let link: Link | undefined;
    try {
      link = await this.#connected();
      await this.#prepareOver(link);
      return 0;
    } catch (error) {
      // A call may have gone on over another connection, which did not fail.
      if (link !== undefined && link !== this.#link) return 0;
      this.#settle(error);
      if (error instanceof ConnectionError) return backgroundPause;
      if (!(error instanceof RefusedError) || error.retryAfter === undefined) return undefined;
      return Math.max(1000 * error.retryAfter, backgroundPause);
    }
  }
}
