import type { ClientActivation, ServerActivation } from '../../crypto/steps/activation/activation.ts';
import { ReluctantError } from '../../src/shared/errors.ts';

/** Secrets for one inference, by step number. Each can be taken once; a second time is an error. */
export class OneTime<T> {
  readonly #entries = new Map<number, T>();

  set(step: number, secret: T): void {
    this.#entries.set(step, secret);
  }

  /**
   * Removes and returns the secret of a step. Throws ReluctantError if it has none or it was taken before.
   */
  take(step: number): T {
    const secret = this.#entries.get(step);
    if (secret === undefined) {
      throw new ReluctantError(`step ${step}: its one-time material is used up; run the offline phase again`);
    }
    this.#entries.delete(step);
    return secret;
  }
}

/** The client's material for one inference. */
export type ClientOffline = {
  /** Its shares of the input (step 0, the mask) and of the output (step -1). */
  readonly shares: OneTime<Uint32Array>;
  readonly activations: OneTime<ClientActivation>;
};

/** The keys of `ClientOffline.shares`. */
export const inputShare = 0;
export const outputShare = -1;

/** The server's material for one inference. */
export type ServerOffline = {
  /** The server's share of W r of each linear step. */
  readonly masks: OneTime<Uint32Array>;
  readonly activations: OneTime<ServerActivation>;
};
