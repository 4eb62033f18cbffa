import { concatenate } from '../bits.ts';
import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { Indices } from '../ring/silent.ts';
import type { Rng } from '../../src/shared/random.ts';
import { RowQueue } from './row-queue.ts';
import type { BlockRows } from './row-queue.ts';
import { carriedBy, checkBytes, correctionsOf, givenBy, iterationsOf } from './silent-sets.ts';
import type { SilentSet } from './silent-sets.ts';
import { checkProof, proofOf, provenValue } from './silent.ts';
import type { Chosen, Offered, SilentRows, SilentSession, SilentTurn } from './silent.ts';
import type { SilentWork } from './silent-work.ts';
import { idle, partsAhead, silence } from './transfers.ts';
import type { ChoosingTransfers, ChosenRows, OfferedRows, OfferingTransfers, Ways } from './transfers.ts';

/**
 * Silent transfers on the wire, for one direction: see silent.ts. A session's first rows come from
 * SoftSpokenOT. Then the party that offers sends the corrections of all iterations of an inference, which
 * hang on nothing that the other says; at the end the other sends a masked value for each iteration, and
 * gets one proof.
 *
 * An iteration's corrections are a frame, which leaves as soon as it is made: 16 bytes more for 122,880, and
 * no turn on the wire more. One frame for all would need the rows of all iterations at once, 11 MB each, or
 * trees that are grown twice, for a correction is known only when its whole tree is.
 */

/** Transfers belong to no step of the plan: an iteration may serve several steps and the next inference. */
const step = 0;

export type SilentOptions = SilentSession & {
  readonly set: SilentSet;
  readonly work: SilentWork;
  /** Bytes of rows that are made before they are taken (default: `defaultAheadBytes`). */
  readonly aheadBytes?: number | undefined;
  /** Of the code, in each thread (default: kept). */
  readonly indices?: Indices | undefined;
};

type Carried = Uint32Array<ArrayBuffer>;
/** What an iteration leaves to the next. */
type Left = Pick<SilentTurn, 'carried' | 'history'>;

/** The iterations of an inference: the number of the first, and what each makes. */
type Run<M> = { readonly first: number; readonly made: readonly Promise<M>[] };

/** A direction's iterations. Each begins with what the one before left, which serves once. */
class Sequence {
  readonly #options: SilentOptions;
  readonly #queue = new RowQueue();
  /** Iterations whose rows are made before they are taken: 11 MB each. */
  readonly #ahead: number;
  #count = 0;
  #left: Promise<Left> | undefined;
  /** Of the last iterations: when all rows of each are taken. */
  #gone: Promise<void>[] = [];

  constructor(options: SilentOptions) {
    this.#options = options;
    this.#ahead = partsAhead(givenBy(options.set), options.aheadBytes);
  }

  get isFresh(): boolean {
    return this.#left === undefined;
  }

  /**
   * Promises `count` rows, and makes the iterations that they need, one after the other. `begin` gives the
   * rows that a fresh sequence begins with; `make` gets the number of an iteration among those of this call.
   */
  run<M extends SilentRows>(
    count: number,
    begin: Promise<Carried>,
    make: (turn: SilentTurn, index: number) => Promise<M>,
    rowsOf: (made: M) => BlockRows,
  ): Run<M> {
    const first = this.#count;
    const { set } = this.#options;
    const iterations = iterationsOf(set, count, this.#queue.left);
    this.#queue.promise(count);
    const history = this.#options.transcript;
    const made = Array.from({ length: iterations }, (_, index) => {
      const left: Promise<Left> = this.#left ?? begin.then((carried) => ({ carried, history }));
      const one = this.#one(left, (turn) => make(turn, index));
      const gone = this.#queue.add(givenBy(set), one.then(rowsOf));
      this.#gone = [...this.#gone, gone].slice(-this.#ahead);
      this.#left = one.then(({ carried, history }) => ({ carried, history }));
      // Whoever waits for the next iteration, or for rows, learns of a failure.
      this.#left.catch(() => undefined);
      return one;
    });
    return { first, made };
  }

  async #one<M>(before: Promise<Left>, make: (turn: SilentTurn) => Promise<M>): Promise<M> {
    const iteration = this.#count++;
    const free = this.#gone.at(-this.#ahead);
    const [left] = await Promise.all([before, free]);
    const { set, transcript, code, indices = 'kept' } = this.#options;
    return make({ transcript, code, set, iteration, indices, ...left });
  }

  take(count: number): Promise<ChosenRows> {
    return this.#queue.take(count);
  }
}

/** Rows of SoftSpokenOT as iterations carry them: bit 0 is the choice, or 0 without choices. In a copy. */
function embedded({ rows }: OfferedRows, choices?: Uint8Array): Carried {
  const own = new Uint32Array(rows);
  for (let i = 0; i < own.length / 4; i++) {
    const bit = choices === undefined ? 0 : (choices[i >> 3]! >> (i & 7)) & 1;
    own[4 * i] = (own[4 * i]! & ~1) | bit;
  }
  return own;
}

/**
 * `ChoosingTransfers` by silent transfers. Rows are there before their check is done, and nothing that hangs
 * on them but their choices may leave this party before `prepare` resolves. It resolves after all earlier
 * calls, whose rows it may give. After a check that fails it gives no rows at all.
 */
export class SilentChoosing implements ChoosingTransfers {
  readonly isSilent = true;
  readonly salt: Uint8Array;
  readonly #base: ChoosingTransfers;
  readonly #options: SilentOptions;
  readonly #sequence: Sequence;
  /** The checks of all calls so far. */
  #checked: Promise<unknown> = Promise.resolve();
  #failure: { readonly reason: unknown } | undefined;

  /** `base` gives the first rows, of the same Delta. */
  constructor(base: ChoosingTransfers, options: SilentOptions) {
    this.salt = base.salt;
    this.#base = base;
    this.#options = options;
    this.#sequence = new Sequence(options);
  }

  async prepare(ways: Ways, count: number): Promise<void> {
    const all = Promise.all([this.#checked, this.#prepare(ways, count)]);
    this.#checked = all;
    try {
      await all;
    } catch (reason) {
      this.#failure ??= { reason };
      throw reason;
    }
  }

  async #prepare(ways: Ways, count: number): Promise<void> {
    const { set, work } = this.#options;
    const based = beginning(this.#base, ways, count > 0 && this.#sequence.isFresh ? carriedBy(set) : 0);
    const begin = based.rows.then((rows) => embedded(rows, rows.choices));
    begin.catch(() => undefined);
    const corrections: PromiseWithResolvers<Uint8Array>[] = [];
    const run = this.#sequence.run(
      count,
      begin,
      async (turn, index) => work.choose(turn, await corrections[index]!.promise),
      ({ rows, choices }) => ({ rows, choices }),
    );
    corrections.push(...run.made.map(() => Promise.withResolvers<Uint8Array>()));
    const receive = async (channel: Channel) => {
      for (const { resolve } of corrections) {
        resolve(await channel.receive(tags.otCorrections, step, correctionsOf(set)));
      }
    };
    const received = ways.fromOfferer(receive).catch((error: unknown) => {
      for (const { promise, reject } of corrections) {
        promise.catch(() => undefined);
        reject(error);
      }
      throw error;
    });
    await Promise.all([based.done, received, ways.check((channel) => this.#check(channel, run))]);
  }

  async #check(channel: Channel, { first, made }: Run<Chosen>): Promise<void> {
    if (made.length === 0) return;
    const all = await Promise.all(made);
    await channel.send(tags.otCheck, step, concatenate(all.map(({ masked }) => masked)));
    const values = all.map(({ value }) => value);
    const expected = proofOf(this.#options.transcript, first, values);
    checkProof(expected, await channel.receive(tags.otCheck, step, checkBytes(made.length).proof));
  }

  take(count: number): Promise<ChosenRows> {
    return this.#sequence.take(count).then((rows) => {
      if (this.#failure !== undefined) throw this.#failure.reason;
      return rows;
    });
  }
}

/**
 * `OfferingTransfers` by silent transfers. Rows of iterations need no check here: the other party says
 * nothing.
 */
export class SilentOffering implements OfferingTransfers {
  readonly isSilent = true;
  readonly salt: Uint8Array;
  readonly delta: Uint32Array;
  readonly #base: OfferingTransfers;
  readonly #options: SilentOptions;
  readonly #sequence: Sequence;
  readonly #rng: Rng;

  constructor(base: OfferingTransfers, options: SilentOptions, rng: Rng) {
    this.salt = base.salt;
    this.delta = base.delta;
    this.#base = base;
    this.#options = options;
    this.#sequence = new Sequence(options);
    this.#rng = rng;
  }

  async prepare(ways: Ways, count: number): Promise<void> {
    const { set, work } = this.#options;
    const based = beginning(this.#base, ways, count > 0 && this.#sequence.isFresh ? carriedBy(set) : 0);
    const begin = based.rows.then((rows) => embedded(rows));
    begin.catch(() => undefined);
    const run = this.#sequence.run(
      count,
      begin,
      (turn) => work.offer(turn, this.delta, this.#rng),
      ({ rows }) => ({ rows, choices: noChoices }),
    );
    const send = async (channel: Channel) => {
      for (const one of run.made) await channel.send(tags.otCorrections, step, (await one).corrections);
    };
    await Promise.all([
      based.done,
      ways.fromOfferer(send),
      ways.check((channel) => this.#prove(channel, run)),
    ]);
  }

  async #prove(channel: Channel, { first, made }: Run<Offered>): Promise<void> {
    if (made.length === 0) return;
    const length = checkBytes(made.length).masked;
    const masked = await channel.receive(tags.otCheck, step, length);
    const own = length / made.length;
    const values = (await Promise.all(made)).map(({ value }, i) =>
      provenValue(value, masked.subarray(own * i, own * (i + 1)), this.delta),
    );
    await channel.send(tags.otCheck, step, proofOf(this.#options.transcript, first, values));
  }

  take(count: number): Promise<OfferedRows> {
    return this.#sequence.take(count);
  }
}

const noChoices = new Uint8Array();

/** The first rows of a session, from `base`; none for a count of 0. */
function beginning<Rows>(
  base: { prepare(ways: Ways, count: number): Promise<void>; take(count: number): Promise<Rows> },
  { fromChooser }: Ways,
  count: number,
): { readonly done: Promise<void>; readonly rows: Promise<Rows> } {
  if (count === 0) {
    const none = new Promise<Rows>(() => undefined);
    return { done: fromChooser(silence), rows: none };
  }
  const done = base.prepare({ fromChooser, fromOfferer: idle, check: idle }, count);
  return { done, rows: base.take(count) };
}
