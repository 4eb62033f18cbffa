/**
 * The SIGHUPs of a server, from its beginning on: one that comes before it can reload would end it, and
 * systemd takes such an end for a wanted one.
 */
export class Hangups {
  readonly #ready = Promise.withResolvers<() => Promise<void>>();
  #running: Promise<void> = Promise.resolve();
  #isWaiting = false;

  constructor() {
    process.on('SIGHUP', this.#came);
  }

  /** Runs `work` for signals before and from now on, once more for all that come while it runs. */
  take(work: () => Promise<void>): void {
    this.#ready.resolve(work);
  }

  stop(): void {
    process.off('SIGHUP', this.#came);
  }

  readonly #came = (): void => {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#running = this.#running.then(async () => {
      const work = await this.#ready.promise;
      this.#isWaiting = false;
      await work();
    });
  };
}
