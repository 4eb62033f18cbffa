import type { Sequence, SharedChannel } from '../../crypto/channel/channel.ts';
import { asError } from '../shared/errors.ts';

/**
 * The phases that run on a connection: offline ones one after the other, online ones too, and the two kinds
 * beside each other and beside the client's next requests. The first failure closes the connection, and what
 * has not begun by then never begins.
 */
export class Phases {
  readonly #channel: SharedChannel;
  readonly #onIdle: () => void;
  readonly #last = { offline: Promise.resolve(), online: Promise.resolve() };
  #running = 0;
  #failure: Error | undefined;

  /** `onIdle` is called whenever the last of those that run has ended well. */
  constructor(channel: SharedChannel, onIdle: () => void) {
    this.#channel = channel;
    this.#onIdle = onIdle;
  }

  get isIdle(): boolean {
    return this.#running === 0;
  }

  /** Starts a phase after those of its kind. Its frames may come from now on. The result may be ignored. */
  start<T>(kind: Exclude<Sequence, 'session'>, work: () => Promise<T>): Promise<T> {
    const close = this.#channel.open(kind);
    this.#running++;
    const result = this.#last[kind].then(() => {
      if (this.#failure !== undefined) throw this.#failure;
      return work();
    });
    this.#last[kind] = result.then(
      () => this.#end(close),
      (error: unknown) => this.#fail(close, asError(error)),
    );
    return result;
  }

  /** Resolves when none runs. */
  async ended(): Promise<void> {
    while (!this.isIdle) await Promise.all(Object.values(this.#last));
  }

  /** Resolves when those of this kind that have been started have ended, well or not. */
  endedOf(kind: Exclude<Sequence, 'session'>): Promise<void> {
    return this.#last[kind];
  }

  #end(close: () => void): void {
    close();
    this.#running--;
    if (this.isIdle && this.#failure === undefined) this.#onIdle();
  }

  #fail(close: () => void, error: Error): void {
    this.#failure ??= error;
    this.#channel.close(this.#failure);
    this.#end(close);
  }
}
