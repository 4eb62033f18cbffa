import type { Channel, Tag } from '../src/shared/channel.ts';
import { MeteredChannel } from './offline-meter.ts';

/**
 * Views of one channel for `n` exchanges that run at once. Each exchange sends one frame and receives one; the frames go out in
 * the order of the lanes and are taken in that order, whatever finishes first, so that both parties agree on the order.
 * A lane that fails fails all later ones.
 */
export function lanesOf(channel: Channel, n: number): Lane[] {
  const sends = new Queue();
  const receives = new Queue();
  return Array.from({ length: n }, () => new Lane(channel, sends.next(), receives.next()));
}

/** One turn after the other. */
class Queue {
  #last: Promise<void> = Promise.resolve();

  next(): Turn {
    const turn = new Turn(this.#last);
    this.#last = turn.done;
    return turn;
  }
}

class Turn {
  readonly #before: Promise<void>;
  readonly #settle: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(before: Promise<void>) {
    this.#before = before;
    // The failure reaches its lane through `take`; a turn that nobody waits for is no error of its own.
    this.#settle.promise.catch(() => undefined);
  }

  get done(): Promise<void> {
    return this.#settle.promise;
  }

  fail(reason: unknown): void {
    this.#settle.reject(reason);
  }

  async take<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#before;
      const result = await work();
      this.#settle.resolve();
      return result;
    } catch (error) {
      this.fail(error);
      throw error;
    }
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

  /** Runs the lane's exchange; when it fails, later lanes do not wait for it. */
  async run<T>(exchange: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await exchange(this);
    } catch (error) {
      this.#send.fail(error);
      this.#receive.fail(error);
      throw error;
    }
  }

  override send(tag: Tag, step: number, payload: Uint8Array): Promise<void> {
    return this.#send.take(() => super.send(tag, step, payload));
  }

  override receive(tag: Tag, step: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#receive.take(() => super.receive(tag, step, length));
  }

  override receiveUpTo(tag: Tag, step: number, maxLength: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#receive.take(() => super.receiveUpTo(tag, step, maxLength));
  }
}
