import { job, namedJobs } from '../pool/pool.ts';
import type { ChoosingSeeds, DrawnBlock, OfferingSeeds, Place } from './soft-spoken.ts';

export type DrawBlock = { readonly seeds: ChoosingSeeds; readonly place: Place };
export type CheckBlock = {
  readonly seeds: OfferingSeeds;
  readonly place: Place;
  readonly message: Uint8Array<ArrayBuffer>;
};

/** The jobs of oblivious transfer: a block each. `implementations.ts` does them. */
export const otJobs = namedJobs({
  drawBlock: job<DrawBlock, DrawnBlock>(),
  checkBlock: job<CheckBlock, Uint32Array<ArrayBuffer>>(),
});
