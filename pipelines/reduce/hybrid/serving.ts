import type { Dataset } from '../../../models/data/dataset.ts';
import type { Model } from '../../../models/graph.ts';
import type { OnProgress } from '../../../src/shared/progress.ts';
import { prepare } from '../../compile/served-plan.ts';
import type { Calibration } from '../../compile/calibrate.ts';
import { chooseBits, shownAgreement } from '../../simulate/choose-bits.ts';
import type { Bits } from '../../simulate/bits-in-order.ts';
import type { ShownAgreement } from '../../simulate/choose-bits.ts';

/** How networks are planned: as they will be served. Without bits, with the compiler's own. */
export type Serving = { readonly calibration: Calibration } & Partial<Bits>;

/** What an agreement is judged on. */
export type Judging = {
  /** The share of answers that must have the float model's label. */
  readonly agreement: number;
  readonly train: Dataset;
  readonly onProgress: OnProgress;
};

/**
 * The fewest bits of a whole plan at which private answers of the network agree, which its reductions get
 * too: their layers are others.
 */
export async function servingWith(
  model: Model,
  calibration: Calibration,
  { agreement, train, onProgress }: Judging,
): Promise<Serving> {
  const prepared = await prepare(model, { calibration });
  const { bits } = await chooseBits(prepared, train, agreement, { byLayer: false, onProgress });
  return { calibration, ...bits };
}

/** The agreement of a reduced network with those bits. */
export async function agreementOf(
  model: Model,
  serving: Serving,
  { agreement, train, onProgress }: Judging,
): Promise<ShownAgreement> {
  return shownAgreement(await prepare(model, serving), train, agreement, onProgress);
}
