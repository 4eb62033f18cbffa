import type { Channel, Tag } from './channel.ts';
import { MeteredChannel } from './meter.ts';

/**
 * The number of frames after which a lane lets the next lane go. `all`: the next lane waits until this one
 * has ended.
 */
export type LaneFrames = { readonly sends: number | 'all'; readonly receives: number | 'all' };

/**
 * Views of one channel, for exchanges that run at the same time. Frames are sent and taken in the order of
 * the lanes, whichever exchange is ready first, so that both parties agree on the order. When a lane fails,
 * all later lanes fail too.
 */
export function lanesOf(channel: Channel, frames: readonly LaneFrames[]): Lane[] {
  let [send, receive] = [new Turn(Promise.resolve()), new Turn(Promise.resolve())];
  [send, receive].forEach((turn) => turn.end());
  return frames.map(({ sends, receives }) => {
    send = new Turn(send.ended, sends);
    receive = new Turn(receive.ended, receives);
    return new Lane(channel, send, receive);
  });
}

/** The time in which a lane may send, or may receive. */
class Turn {
  readonly #before: Promise<void>;
  readonly #end: PromiseWithResolvers<void> = Promise.withResolvers();
  #left: number;

  constructor(before: Promise<void>, frames: number | 'all' = 'all') {
    this.#before = before;
    this.#left = frames === 'all' ? Infinity : frames;
    // A failure reaches its lane through `take`. A turn that nobody waits for must not raise an unhandled
    // rejection.
    this.#end.promise.catch(() => undefined);
    if (frames === 0) this.end();
  }

  get ended(): Promise<void> {
    return this.#end.promise;
  }

  fail(reason: unknown): void {
    this.#end.reject(reason);
  }

  /** Ends this turn once the turns before it have ended. */
  end(): void {
    this.#end.resolve(this.#before);
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    await this.#before;
    const result = await work();
    if (--this.#left === 0) this.end();
    return result;
  }
}

export class Lane extends MeteredChannel {
  readonly #send: Turn;
  readonly #receive: Turn;

  constructor(channel: Channel, send: Turn, receive: Turn) {
    super(channel);
    this.#send = send;
    this.#receive = receive;
  }

  /** Runs the lane's exchange. When it fails, the lanes behind it fail too. */
  async run<T>(exchange: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      const result = await exchange(this);
      this.#send.end();
      this.#receive.end();
      return result;
    } catch (error) {
      this.#send.fail(error);
      this.#receive.fail(error);
      throw error;
    }
  }

  override send(tag: Tag, step: number, payload: Uint8Array, part?: number): Promise<void> {
    return this.#send.take(() => super.send(tag, step, payload, part));
  }

  override receive(tag: Tag, step: number, length: number, part?: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#receive.take(() => super.receive(tag, step, length, part));
  }

  override receiveUpTo(tag: Tag, step: number, maxLength: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#receive.take(() => super.receiveUpTo(tag, step, maxLength));
  }
}
