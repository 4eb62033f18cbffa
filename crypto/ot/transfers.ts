import type { Channel } from '../channel/channel.ts';

/**
 * What the steps ask of oblivious transfer, whatever it comes from: correlated transfers with random choices.
 * For a row t and a choice u of the party that chooses, the party that offers has q = t xor u Delta. Each
 * direction of a session is one sequence of rows; both parties prepare and take the same numbers of them in
 * the same order. A row is hashed under the key of its position and its direction's salt, and used once.
 */

/** Bits of a row and of Delta. */
export const securityBits = 128;
export const rowWords = 4;

/** Both keys of each transfer, uniform words. */
export type KeyPairs = {
  readonly k0: Uint32Array<ArrayBuffer>;
  readonly k1: Uint32Array<ArrayBuffer>;
};

export type OfferedRows = {
  /** The position of the first row in the sequence. */
  readonly first: number;
  /** [count, 4 words] */
  readonly rows: Uint32Array;
};

export type ChosenRows = OfferedRows & {
  /** Uniform bits, bit i & 7 of byte i >> 3. */
  readonly choices: Uint8Array;
};

type Transfers<Rows> = {
  /** 16 bytes, of this direction of this session only. */
  readonly salt: Uint8Array;
  /**
   * Makes sure that `count` rows can be taken that no earlier call has promised. Its messages go from the
   * party that chooses to the one that offers. They are the same for both parties' `count`, whatever was
   * taken meanwhile, and later ones wait until the rows of earlier ones are taken. Rejects with ProtocolError
   * when the peer's messages are malformed or fail their check.
   */
  prepare(channel: Channel, count: number): Promise<void>;
  /**
   * The next `count` rows, which may still be on their way. Throws RangeError beyond what was prepared.
   * Rejects as `prepare` does.
   */
  take(count: number): Promise<Rows>;
};

export type ChoosingTransfers = Transfers<ChosenRows>;

/** Gives no row before the message that it comes from has passed its check. */
export type OfferingTransfers = Transfers<OfferedRows> & {
  /** 4 words, lowest bit 1. */
  readonly delta: Uint32Array;
};
