import type { WorkerPool } from '../pool/pool.ts';
import type { Columns } from '../ring/columns.ts';
import { otJobs } from './jobs.ts';
import { checkBlock, drawBlock } from './soft-spoken.ts';
import type { ChoosingSeeds, DrawnBlock, OfferingSeeds, Place } from './soft-spoken.ts';

/** Who makes blocks: this thread or a pool's. */
export type BlockWork = {
  draw(seeds: ChoosingSeeds, place: Place): Promise<DrawnBlock>;
  /** Rejects as `checkBlock` throws. */
  check(seeds: OfferingSeeds, place: Place, message: Uint8Array): Promise<Uint32Array>;
};

/** Blocks of fewer rows stay on this thread: 2 ms, and they need not wait behind a pool's long jobs. */
export const shortBlock: number = 2 ** 15;

/** Long blocks are made by the pool's threads, if there is a pool. */
export function blockWork(columns: Columns, pool?: WorkerPool): BlockWork {
  const poolFor = ({ rows }: Place) => (rows < shortBlock ? undefined : pool);
  return {
    draw: async (seeds, place) =>
      poolFor(place)?.run(otJobs.drawBlock, { seeds, place }) ?? drawBlock(columns, seeds, place),
    check: async (seeds, place, message) => {
      const threads = poolFor(place);
      if (threads === undefined) return checkBlock(columns, seeds, place, message);
      // The bytes may be a part of what the channel received, which stays here.
      const own = message.slice();
      return threads.run(otJobs.checkBlock, { seeds, place, message: own }, [own.buffer]);
    },
  };
}
