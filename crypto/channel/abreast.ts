import type { Channel, Tag } from './channel.ts';
import { MeteredChannel } from './meter.ts';

/**
 * Views of one channel for `count` exchanges that send and receive frames in the same order, such as the
 * online phases of several images: all send their first frame, one after the other, then all their second,
 * and likewise what they receive. So they share their round trips, and both parties agree on the order of
 * frames, whichever exchange is ready first. When one fails, all fail.
 */
export function abreast(channel: Channel, count: number): Abreast[] {
  const [sending, receiving] = [new Rounds(count), new Rounds(count)];
  return Array.from({ length: count }, (_, place) => new Abreast(channel, { sending, receiving, place }));
}

type Places = { readonly sending: Rounds; readonly receiving: Rounds; readonly place: number };

export class Abreast extends MeteredChannel {
  readonly #places: Places;

  constructor(channel: Channel, places: Places) {
    super(channel);
    this.#places = places;
  }

  /** Runs the exchange. When it fails, all of them do. */
  async run<T>(exchange: (channel: Channel) => Promise<T>): Promise<T> {
    try {
      return await exchange(this);
    } catch (error) {
      this.#places.sending.fail(error);
      this.#places.receiving.fail(error);
      throw error;
    }
  }

  override send(tag: Tag, step: number, payload: Uint8Array, part?: number): Promise<void> {
    const { sending, place } = this.#places;
    return sending.take(place, () => super.send(tag, step, payload, part));
  }

  override receive(tag: Tag, step: number, length: number, part?: number): Promise<Uint8Array<ArrayBuffer>> {
    const { receiving, place } = this.#places;
    return receiving.take(place, () => super.receive(tag, step, length, part));
  }

  override receiveUpTo(tag: Tag, step: number, maxLength: number): Promise<Uint8Array<ArrayBuffer>> {
    const { receiving, place } = this.#places;
    return receiving.take(place, () => super.receiveUpTo(tag, step, maxLength));
  }
}

/** Turns in a circle. */
class Rounds {
  readonly #count: number;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #now = 0;
  #failure: { readonly reason: unknown } | undefined;

  constructor(count: number) {
    this.#count = count;
  }

  fail(reason: unknown): void {
    this.#failure ??= { reason };
    for (const { reject } of this.#waiting.values()) reject(this.#failure.reason);
    this.#waiting.clear();
  }

  /** Does the work when it is this place's turn, and then lets the next go. */
  async take<T>(place: number, work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure.reason;
    if (place !== this.#now) await this.#turnOf(place);
    try {
      const result = await work();
      this.#pass();
      return result;
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  #turnOf(place: number): Promise<void> {
    const turn = Promise.withResolvers<void>();
    this.#waiting.set(place, turn);
    return turn.promise;
  }

  #pass(): void {
    this.#now = (this.#now + 1) % this.#count;
    this.#waiting.get(this.#now)?.resolve();
    this.#waiting.delete(this.#now);
  }
}
