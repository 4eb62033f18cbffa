import type { Channel } from '../channel/channel.ts';
import { lanesOf } from '../channel/lanes.ts';
import { release } from '../../src/shared/release.ts';
import type { Job, WorkerPool } from '../pool/pool.ts';

/**
 * What the steps ask of oblivious transfer, whatever it comes from: correlated transfers with random choices.
 * For a row t and a choice u of the party that chooses, the party that offers has q = t xor u Delta. Each
 * direction of a session is one sequence of rows; both parties prepare and take the same numbers of them in
 * the same order. A row is hashed under the key of its position and its direction's salt, and used once.
 */

/** Bits of a row and of Delta. */
export const securityBits = 128;
export const rowWords = 4;

/**
 * Bytes of a direction's rows that are made before they are taken: eight blocks of SoftSpokenOT, 4 MB each,
 * or three iterations of silent transfers, 11 MB each. Fewer leave threads without work.
 */
export const defaultAheadBytes: number = 35 * 2 ** 20;

/** How many parts of so many rows are made before they are taken: at least one. */
export function partsAhead(rows: number, aheadBytes: number = defaultAheadBytes): number {
  return Math.max(1, Math.floor(aheadBytes / (4 * rowWords * rows)));
}

/** Both keys of each transfer, uniform words. */
export type KeyPairs = {
  readonly k0: Uint32Array<ArrayBuffer>;
  readonly k1: Uint32Array<ArrayBuffer>;
};

export type OfferedRows = {
  /** The position of the first row in the sequence. */
  readonly first: number;
  /** [count, 4 words], in a buffer of its own. */
  readonly rows: Uint32Array<ArrayBuffer>;
};

export type ChosenRows = OfferedRows & {
  /** Uniform bits, bit i & 7 of byte i >> 3. */
  readonly choices: Uint8Array;
};

/**
 * Does a job that uses rows up: `here`, or in a thread of `pool`, if there is one, to which they move. No
 * part of them stays in memory.
 */
export async function withRows<Input extends { readonly rows: OfferedRows }, Output>(
  pool: WorkerPool | undefined,
  job: Job<Input, Output>,
  input: Input,
  here: (input: Input) => Output,
): Promise<Output> {
  const { rows } = input.rows;
  if (pool !== undefined) return pool.run(job, input, [rows.buffer]);
  const output = here(input);
  release(rows);
  return output;
}

/** A turn on the wire for an exchange, which ends with it: `lane.run`, for one. */
export type Way = <T>(exchange: (channel: Channel) => Promise<T>) => Promise<T>;

/** The turns that preparing transfers takes, each once, though nothing may be said in it. */
export type Ways = {
  /** From the party that chooses to the one that offers. */
  readonly fromChooser: Way;
  /** From the party that offers to the one that chooses. */
  readonly fromOfferer: Way;
  /** From the party that chooses and back, last. */
  readonly check: Way;
};

/** All turns on one channel, in their order. For one call of `prepare`. */
export function waysOf(channel: Channel): Ways {
  const all = { sends: 'all', receives: 'all' } as const;
  const [first, second, last] = lanesOf(channel, [all, all, all]).map(
    (lane): Way =>
      (exchange) =>
        lane.run(exchange),
  );
  return { fromChooser: first!, fromOfferer: second!, check: last! };
}

/** An exchange in which nothing is said. */
export const silence = (): Promise<void> => Promise.resolve();

const refused = (): never => {
  throw new Error('transfers: a message in a turn that has none');
};
const noChannel: Channel = {
  send: refused,
  receive: refused,
  receiveUpTo: refused,
  close: refused,
  traffic: { sent: 0, received: 0, framesSent: 0, framesReceived: 0 },
};

/** A turn of its own, in which nothing may be said. */
export const idle: Way = (exchange) => exchange(noChannel);

type Transfers<Rows> = {
  /** Whether the party that chooses has its rows from messages of the other. */
  readonly isSilent: boolean;
  /** 16 bytes, of this direction of this session only. */
  readonly salt: Uint8Array;
  /**
   * Makes sure that `count` rows can be taken that no earlier call has promised. Its messages follow from
   * both parties' `count`s, whatever was taken meanwhile, and later ones wait until the rows of earlier ones
   * are taken. Rejects with ProtocolError when the peer's messages are malformed or fail their check. Until
   * it resolves, nothing that depends on rows but their choices may be sent to a peer whose rows wait for
   * their check.
   */
  prepare(ways: Ways, count: number): Promise<void>;
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
