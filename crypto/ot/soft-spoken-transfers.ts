import { packBits } from '../bits.ts';
import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import { blockBytes, blocksOf, columnBytes } from './blocks.ts';
import { RowQueue } from './row-queue.ts';
import { checkBlock, drawBlock } from './soft-spoken.ts';
import type { BlockKernels, ChoosingSeeds, OfferingSeeds, Place } from './soft-spoken.ts';
import type { ChoosingTransfers, ChosenRows, OfferedRows, OfferingTransfers } from './transfers.ts';

/** Transfers belong to no step of the plan: one block may serve several steps and the next inference. */
const step = 0;

const noChoices = new Uint8Array();

/** The places of a direction, one after another: streams move forward only, so no row comes twice. */
class Places {
  #block = 0;
  #at = 0;

  next(rows: number): Place {
    const place = { block: this.#block++, at: this.#at, rows };
    this.#at += columnBytes(rows);
    return place;
  }
}

/** `ChoosingTransfers` by SoftSpokenOT: see soft-spoken.ts. */
export class SoftSpokenChoosing implements ChoosingTransfers {
  readonly salt: Uint8Array;
  readonly #seeds: ChoosingSeeds;
  readonly #kernels: BlockKernels;
  readonly #places = new Places();
  readonly #queue = new RowQueue();
  #sent: Promise<unknown> = Promise.resolve();

  constructor(seeds: ChoosingSeeds, salt: Uint8Array, kernels: BlockKernels) {
    this.#seeds = seeds;
    this.salt = salt;
    this.#kernels = kernels;
  }

  prepare(channel: Channel, count: number): Promise<void> {
    const places = blocksOf(count, this.#queue.left).map((rows) => this.#places.next(rows));
    this.#queue.promise(count);
    for (const place of places) {
      const before = this.#sent;
      const drawn = before.then(() => drawBlock(this.#kernels, this.#seeds, place));
      this.#queue.add(
        place.rows,
        drawn.then(({ rows, choices }) => ({ rows, choices })),
      );
      this.#sent = drawn.then(({ message }) => channel.send(tags.otExtension, step, message));
      this.#sent.catch(() => undefined);
    }
    return this.#sent.then(() => undefined);
  }

  take(count: number): Promise<ChosenRows> {
    return this.#queue.take(count);
  }
}

/** `OfferingTransfers` by SoftSpokenOT. After a block that fails its check it gives no rows at all. */
export class SoftSpokenOffering implements OfferingTransfers {
  readonly salt: Uint8Array;
  readonly delta: Uint32Array;
  readonly #seeds: OfferingSeeds;
  readonly #kernels: BlockKernels;
  readonly #places = new Places();
  readonly #queue = new RowQueue();
  #checked: Promise<unknown> = Promise.resolve();

  constructor(seeds: OfferingSeeds, salt: Uint8Array, kernels: BlockKernels) {
    this.#seeds = seeds;
    this.salt = salt;
    this.#kernels = kernels;
    this.delta = new Uint32Array(packBits(seeds.deltaBits).buffer);
  }

  prepare(channel: Channel, count: number): Promise<void> {
    const places = blocksOf(count, this.#queue.left).map((rows) => this.#places.next(rows));
    this.#queue.promise(count);
    for (const place of places) {
      const before = this.#checked;
      const content = before.then(async () => {
        const length = blockBytes(place.rows, this.#seeds.depth);
        const message = await channel.receive(tags.otExtension, step, length);
        return { rows: checkBlock(this.#kernels, this.#seeds, place, message), choices: noChoices };
      });
      this.#queue.add(place.rows, content);
      this.#checked = content;
    }
    return this.#checked.then(() => undefined);
  }

  take(count: number): Promise<OfferedRows> {
    return this.#queue.take(count);
  }
}
