/** What a look at a connection shows. */
export type Signs = {
  /** What has come so far, in bytes or in frames: only whether it grows counts. */
  readonly received: number;
  /** The bytes of ours that have not yet been handed to the operating system. */
  readonly unsent: number;
  /** Whether this side does not read now. */
  readonly isHeldBack: boolean;
};

/** How often a connection is looked at in the time that a peer may be silent. */
export const looksPerSilence = 4;

/**
 * Tells from looks at a connection, at even times, when its peer is gone: nothing at all has come for
 * `looksPerSilence` looks in a row. A frame that has come in part is a sign of life as good as an answer to a
 * ping, which may wait behind it. Two things are no silence: that this side does not read, and that the peer
 * does not, so that bytes wait to be sent to it and no ping reaches it. For that, whoever sends has a limit
 * of its own. Looks are counted and not seconds: a process that got no time could not read what had come.
 */
export class Silence {
  #received = 0;
  #looks = 0;

  /** Takes the next look. Whether the peer is gone. */
  look({ received, unsent, isHeldBack }: Signs): boolean {
    const isSilent = received === this.#received && unsent === 0 && !isHeldBack;
    this.#received = received;
    this.#looks = isSilent ? this.#looks + 1 : 0;
    return this.#looks >= looksPerSilence;
  }
}
