import type { Model } from '../../../models/graph.ts';
import { tensor } from '../../../models/tensor.ts';
import type { Tensor } from '../../../models/tensor.ts';
import type { Controller } from '../../../models/train/controller.ts';
import { gatePlaces, gateWeights } from '../gates/gates.ts';

export type Shrinking = {
  /** The sum of all alphas before the search and at its end: the ReLUs there are, and the ReLUs to keep. */
  readonly total: number;
  readonly budget: number;
  /** Steps of the whole search. */
  readonly steps: number;
};

/** The budget is reached after this share of the search. In the rest the remaining alphas settle. */
const reachedAfter = 0.8;

/** A gate's number and how many ReLUs it stands for. */
type Alphas = { readonly name: string; readonly places: number; readonly alpha: Tensor };

/**
 * SNL's L1 penalty as a proximal step: after each training step all alphas lose the same amount and are
 * clipped to [0, 1]. The amount is the penalty's weight times the learning rate, here chosen so that the sum
 * of the alphas falls linearly to the budget. In the released code of SNL (Cho et al., ICML 2022) the weight
 * grows by a tenth in each epoch that removes no ReLU, and its logged runs took 420 to 520 epochs.
 */
export function shrinkingAlphas(gated: Model, { total, budget, steps }: Shrinking): Controller {
  const layers = gatePlaces(gated);
  let step = 0;
  return {
    afterStep: () => void step++,
    rewrite(model) {
      const { weights } = model();
      const all = layers.map(({ layer, places }): Alphas => {
        const name = gateWeights(layer).gate;
        return { name, places, alpha: weights.get(name)! };
      });
      const share = Math.min(1, step / steps / reachedAfter);
      const by = amountFor(all, total + (budget - total) * share);
      return new Map(
        all.map(({ name, alpha }) => [
          name,
          tensor(
            alpha.shape,
            alpha.data.map((a) => shrunk(a, by)),
          ),
        ]),
      );
    },
    state: () => ({ step, budget }),
    restore: (saved) => void ({ step } = saved as { step: number }),
  };
}

function shrunk(alpha: number, by: number): number {
  return Math.min(1, Math.max(0, alpha - by));
}

/**
 * The smallest amount, to one part in 2^30, that brings the sum of the alphas down to `sum`; 0 if it is there
 * already.
 */
export function amountFor(all: readonly Omit<Alphas, 'name'>[], sum: number): number {
  if (sumAfter(all, 0) <= sum) return 0;
  let [low, high] = [0, Math.max(...all.map(({ alpha }) => alpha.data.reduce((a, b) => Math.max(a, b), 0)))];
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (sumAfter(all, middle) > sum) low = middle;
    else high = middle;
  }
  return high;
}

function sumAfter(all: readonly Omit<Alphas, 'name'>[], by: number): number {
  return all.reduce((total, { places, alpha }) => {
    let sum = 0;
    for (const a of alpha.data) sum += shrunk(a, by);
    return total + places * sum;
  }, 0);
}
