import { job, namedJobs } from '../pool/pool.ts';
import type { Chosen, Offered, SilentTurn } from './silent.ts';
import type { ChoosingSeeds, DrawnBlock, OfferingSeeds, Place } from './soft-spoken.ts';

export type DrawBlock = { readonly seeds: ChoosingSeeds; readonly place: Place };
export type CheckBlock = {
  readonly seeds: OfferingSeeds;
  readonly place: Place;
  readonly message: Uint8Array<ArrayBuffer>;
};

export type OfferSilently = {
  readonly turn: SilentTurn;
  readonly delta: Uint32Array;
  /** Of the generator of the trees. */
  readonly seed: Uint8Array;
};
export type ChooseSilently = { readonly turn: SilentTurn; readonly corrections: Uint8Array };

/** The jobs of oblivious transfer: a block or an iteration each. `implementations.ts` does them. */
export const otJobs = namedJobs({
  drawBlock: job<DrawBlock, DrawnBlock>(),
  checkBlock: job<CheckBlock, Uint32Array<ArrayBuffer>>(),
  offerSilently: job<OfferSilently, Offered>(),
  chooseSilently: job<ChooseSilently, Chosen>(),
});
