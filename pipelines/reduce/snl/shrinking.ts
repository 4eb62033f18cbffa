import type { Model } from '../../../models/graph.ts';
import { tensor } from '../../../models/tensor.ts';
import type { Tensor } from '../../../models/tensor.ts';
import type { Controller } from '../../../models/train/controller.ts';
import { gatePlaces, gateWeights } from '../gates/gates.ts';

export type Shrinking = {
  /** The ReLUs before the search and the ReLUs to keep. */
  readonly total: number;
  readonly budget: number;
  /** Steps of the whole search. */
  readonly steps: number;
};

/**
 * The shares of the search after which alphas begin to be set to 0 and after which only the budget is left.
 * The rest of the search moves what is left to 1.
 */
const startsAfter = 0.05;
const reachedAfter = 0.8;

/** The number of times that the smallest alphas are set to 0, and of moves of the others to 1 afterwards. */
const cuts = 20;
const moves = 10;

/**
 * The weight of the penalty until the budget is reached: that of AutoReP's hinge at its start, where the
 * gradient per ReLU of resnet8 is as large as the gradients of the loss for the gates. A larger weight pulls
 * all alphas down alike, whatever the loss says.
 */
const weight = 5;

type State = { readonly step: number };

/**
 * Steers SNL's search (Cho et al., ICML 2022). In its released code the penalty's weight grows by a tenth in
 * an epoch that removes no ReLU, until no more alphas than the budget are above 0.01; runs take 420 to 520
 * epochs. In a short search the count does not get there, because alphas move in steps larger than that
 * threshold: with 6 % as the budget, 25,674 of resnet8's 56,448 are above it after three fifths of 114 steps,
 * where 3,386 should be. Here the count is set and the weight stays. In twenty cuts the smallest alphas are
 * set to 0, so that the count falls by the same factor each time, quickly at first and slowly at the end.
 * Alphas that the loss pulls up again between two cuts are kept in place of others. After the last cut the
 * budget's alphas move to 1, a little at a time, so that nothing changes when the gates are removed.
 *
 * With 6 % of its ReLUs and identities for the others, resnet8 has 78.9 % of 2,100 validation images right
 * after a search of three epochs of 4,900 images, with the gates and without them, and 81.7 % after three
 * epochs of fine-tuning; 80.1 % where the count falls in a line, 79.6 % where alphas move less than half as
 * fast (one seed each).
 */
export function shrinkingAlphas({ total, budget, steps }: Shrinking): Controller {
  const first = Math.floor(startsAfter * steps);
  const last = Math.max(first + 1, Math.floor(reachedAfter * steps));
  const cutEvery = Math.max(1, Math.floor((last - first) / cuts));
  const moveEvery = Math.max(1, Math.floor((steps - last) / moves));
  let state: State = { step: 0 };
  const countAt = (step: number) =>
    step >= last
      ? budget
      : Math.round(total * (Math.max(1, budget) / total) ** ((step - first) / (last - first)));
  return {
    scalars: () => ({ lambda: state.step < last ? weight : 0 }),
    afterStep: () => void (state = { step: state.step + 1 }),
    rewrite() {
      const { step } = state;
      const left = steps - step;
      const isCut = step > first && step < last && (last - step) % cutEvery === 0;
      if (isCut) return (model) => cutSmallest(model, countAt(step), Infinity);
      const isMove = step >= last && left % moveEvery === 0;
      return isMove ? (model) => cutSmallest(model, budget, 1 + left / moveEvery) : undefined;
    },
    state: () => ({ ...state, budget }),
    restore(saved) {
      const { step } = saved as unknown as State;
      state = { step };
    },
  };
}

/**
 * Sets all alphas to 0 but the largest, as many as stand for at most `count` ReLUs, and moves those by a
 * part, 1 / `parts`, of their way to 1. Of equal alphas the earlier is larger.
 */
export function cutSmallest(gated: Model, count: number, parts: number): Map<string, Tensor> {
  const layers = gatePlaces(gated).map(({ layer, places }) => {
    const { gate } = gateWeights(layer);
    return { gate, places, alpha: gated.weights.get(gate)! };
  });
  const all = layers.flatMap(({ places, alpha }) => Array.from(alpha.data, (value) => ({ value, places })));
  const order = Uint32Array.from(all.keys()).sort((a, b) => all[b]!.value - all[a]!.value || a - b);
  const kept = new Uint8Array(all.length);
  let relus = 0;
  for (const i of order) {
    relus += all[i]!.places;
    if (relus > count) break;
    kept[i] = 1;
  }
  let end = 0;
  return new Map(
    layers.map(({ gate, alpha }) => {
      const own = kept.subarray(end, (end += alpha.data.length));
      const moved = alpha.data.map((value, i) => (own[i] === 1 ? value + (1 - value) / parts : 0));
      return [gate, tensor(alpha.shape, moved)];
    }),
  );
}
