import { packBits } from '../bits.ts';
import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import type { BlockWork } from './block-work.ts';
import { blockBytes, blocksOf, columnBytes, largestBlock } from './blocks.ts';
import { RowQueue } from './row-queue.ts';
import type { BlockRows } from './row-queue.ts';
import type { ChoosingSeeds, OfferingSeeds, Place } from './soft-spoken.ts';
import { partsAhead, silence } from './transfers.ts';
import type { ChoosingTransfers, ChosenRows, OfferedRows, OfferingTransfers, Ways } from './transfers.ts';

/** Transfers belong to no step of the plan: one block may serve several steps and the next inference. */
const step = 0;

/** A direction's rows, and the places of its blocks: streams move forward only, so no row comes twice. */
class Sequence {
  readonly #queue = new RowQueue();
  /** Blocks that are made before their rows are taken: 4 MB each. A longer `prepare` goes on as they are. */
  readonly #ahead: number;
  #block = 0;
  #at = 0;
  /** Of the last blocks: when all rows of each are taken. */
  #gone: Promise<void>[] = [];
  /** The end of the block before, and that of the one before it: two blocks are in work at a time. */
  #ends: readonly [Promise<unknown>, Promise<unknown>] = [Promise.resolve(), Promise.resolve()];

  constructor(aheadBytes: number | undefined) {
    this.#ahead = partsAhead(largestBlock, aheadBytes);
  }

  /**
   * Promises `count` rows, and makes the blocks they need. `make` is called at once for each; it begins its
   * work after `free` and ends it after `before`, the block before it. Resolves when all have ended.
   */
  async prepare(count: number, make: (place: Place, turn: Turn) => Making): Promise<void> {
    const blocks = blocksOf(count, this.#queue.left);
    this.#queue.promise(count);
    for (const rows of blocks) {
      const [last, before] = this.#ends;
      const free = Promise.all([last, this.#gone.at(-this.#ahead)]);
      const { content, end } = make(this.#next(rows), { free, before });
      this.#gone = [...this.#gone, this.#queue.add(rows, content)].slice(-this.#ahead);
      end.catch(() => undefined);
      this.#ends = [before, end];
    }
    await this.#ends[1];
  }

  take(count: number): Promise<ChosenRows> {
    return this.#queue.take(count);
  }

  #next(rows: number): Place {
    const place = { block: this.#block++, at: this.#at, rows };
    this.#at += columnBytes(rows);
    return place;
  }
}

type Turn = { readonly free: Promise<unknown>; readonly before: Promise<unknown> };
type Making = { readonly content: Promise<BlockRows>; readonly end: Promise<unknown> };

/** `ChoosingTransfers` by SoftSpokenOT: see soft-spoken.ts. */
export class SoftSpokenChoosing implements ChoosingTransfers {
  readonly isSilent = false;
  readonly salt: Uint8Array;
  readonly #seeds: ChoosingSeeds;
  readonly #work: BlockWork;
  readonly #sequence: Sequence;

  /** `aheadBytes`: of rows that are made before they are taken (default: `defaultAheadBytes`). */
  constructor(seeds: ChoosingSeeds, salt: Uint8Array, work: BlockWork, aheadBytes?: number) {
    this.#sequence = new Sequence(aheadBytes);
    this.#seeds = seeds;
    this.salt = salt;
    this.#work = work;
  }

  prepare(ways: Ways, count: number): Promise<void> {
    return fromChooser(ways, (channel) => this.#draw(channel, count));
  }

  #draw(channel: Channel, count: number): Promise<void> {
    return this.#sequence.prepare(count, (place, { free, before }) => {
      const drawn = free.then(() => this.#work.draw(this.#seeds, place));
      const content = drawn.then(({ rows, choices }) => ({ rows, choices }));
      const end = Promise.all([drawn, before]).then(([{ message }]) =>
        channel.send(tags.otExtension, step, message),
      );
      return { content, end };
    });
  }

  take(count: number): Promise<ChosenRows> {
    return this.#sequence.take(count);
  }
}

/** `OfferingTransfers` by SoftSpokenOT. After a block that fails its check it gives no rows at all. */
export class SoftSpokenOffering implements OfferingTransfers {
  readonly isSilent = false;
  readonly salt: Uint8Array;
  readonly delta: Uint32Array;
  readonly #seeds: OfferingSeeds;
  readonly #work: BlockWork;
  readonly #sequence: Sequence;
  #received: Promise<unknown> = Promise.resolve();

  /** `aheadBytes`: as in `SoftSpokenChoosing`. */
  constructor(seeds: OfferingSeeds, salt: Uint8Array, work: BlockWork, aheadBytes?: number) {
    this.#sequence = new Sequence(aheadBytes);
    this.#seeds = seeds;
    this.salt = salt;
    this.#work = work;
    this.delta = new Uint32Array(packBits(seeds.deltaBits).buffer);
  }

  prepare(ways: Ways, count: number): Promise<void> {
    return fromChooser(ways, (channel) => this.#check(channel, count));
  }

  #check(channel: Channel, count: number): Promise<void> {
    return this.#sequence.prepare(count, (place, { free, before }) => {
      const length = blockBytes(place.rows, this.#seeds.depth);
      const received = Promise.all([free, this.#received]).then(() =>
        channel.receive(tags.otExtension, step, length),
      );
      this.#received = received;
      const checked = received.then((message) => this.#work.check(this.#seeds, place, message));
      // A block that passes after one that fails gives nothing either.
      const content = Promise.all([checked, before]).then(([rows]) => ({ rows, choices: noChoices }));
      return { content, end: content };
    });
  }

  take(count: number): Promise<OfferedRows> {
    return this.#sequence.take(count);
  }
}

const noChoices = new Uint8Array();

/** All that is said comes from the party that chooses. */
async function fromChooser(ways: Ways, exchange: (channel: Channel) => Promise<void>): Promise<void> {
  await Promise.all([ways.fromChooser(exchange), ways.fromOfferer(silence), ways.check(silence)]);
}
