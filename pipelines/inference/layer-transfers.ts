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

/** What a client says of where transfers come from: `auto` takes what is done first, in each direction. */
export const transferModes = ['auto', 'silent', 'softspoken'] as const;
export type TransferMode = (typeof transferModes)[number];

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
