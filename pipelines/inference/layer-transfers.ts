import { softSpokenOnly } from '../../crypto/ot/session.ts';
import type { TransferSource, TransferSources } from '../../crypto/ot/session.ts';
import { clientTransfers, serverTransfers } from '../../crypto/steps/activation/messages.ts';
import { activationSteps } from '../plan/plan.ts';
import type { ActivationStep, Plan } from '../plan/plan.ts';

/**
 * The transfers of each activation layer. They are drawn in blocks for a whole inference, and no block
 * belongs to one layer. Where bytes are told layer by layer, each layer counts for its part of the rows.
 */
export type LayerTransfers = {
  readonly step: ActivationStep;
  /** Transfers in which the client chooses; their messages go up. */
  readonly up: number;
  /** Transfers in which the server chooses; their messages go down. */
  readonly down: number;
};

export function layerTransfers(plan: Plan): LayerTransfers[] {
  return activationSteps(plan).map((step) => ({
    step,
    up: clientTransfers(step.spec),
    down: serverTransfers(step.spec),
  }));
}

/** The transfers of a whole inference. */
export function transferCounts(layers: readonly LayerTransfers[]): { up: number; down: number } {
  return layers.reduce((sum, { up, down }) => ({ up: sum.up + up, down: sum.down + down }), {
    up: 0,
    down: 0,
  });
}

/** Where transfers come from: as many as `auto` says, or always one or the other. */
export const transferModes = ['auto', 'silent', 'softspoken'] as const;
export type TransferMode = (typeof transferModes)[number];

/**
 * From so many transfers of an inference on silent ones are taken. The first inference of a session then
 * sends less than by SoftSpokenOT, 261 kB in place of 387, and every later one a twentieth. A fixed number,
 * so that both parties come to the same.
 */
const least = 100_000;

/**
 * What the transfers of each direction come from. Both parties derive it from the plan and the client's
 * mode.
 */
export function transferSources(plan: Plan, mode: TransferMode): TransferSources {
  return sourcesFor(transferCounts(layerTransfers(plan)), mode);
}

/** The same for so many transfers in an inference. */
export function sourcesFor(
  { up, down }: { readonly up: number; readonly down: number },
  mode: TransferMode,
): TransferSources {
  if (mode === 'softspoken') return softSpokenOnly;
  const of = (count: number): TransferSource => (mode === 'auto' && count < least ? 'softspoken' : 's16');
  return { up: of(up), down: of(down) };
}

/** Whole numbers in proportion to `weights`, whose sum is `total`; zeros if all weights are zero. */
export function inProportion(total: number, weights: readonly number[]): number[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  let [before, weight] = [0, 0];
  return weights.map((own) => {
    weight += own;
    const upTo = sum === 0 ? 0 : Math.round((total * weight) / sum);
    const part = upTo - before;
    before = upTo;
    return part;
  });
}
