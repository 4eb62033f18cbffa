import type { Model, Replacement } from '../../../models/graph.ts';
import type { Controller } from '../../../models/train/controller.ts';
import { tensor } from '../../../models/tensor.ts';
import type { Tensor } from '../../../models/tensor.ts';
import { gatedNodes, gateWeights } from '../gates/gates.ts';
import { momentsFrom } from '../gates/layer-states.ts';
import { fitOf } from '../polynomials/replace.ts';

export type Steering = {
  /** ReLUs before the search, and to keep. */
  readonly total: number;
  readonly budget: number;
  /** Of the whole search. */
  readonly steps: number;
  /** Some of what takes the place of ReLUs has coefficients. */
  readonly fits: boolean;
};

/**
 * The target reaches the budget after this share of the search; in the paper it is there from the start. It starts at all ReLUs: resnet8 with
 * 1,693 of them (a search and a fine-tuning of 100 steps of 128 images each) has 91.1 % of 5,000 test images right, 89.1 % where the search starts with
 * three times as many, the others polynomials at once.
 */
const reachedAfter = 0.8;

/** Coefficients follow the running moments for this share of the search, every so many steps (508 steps of some 78,000 in the paper). */
const refreshedUntil = 0.3;
const refreshedEvery = 10;

/**
 * The hinge's weight where the search starts. Per ReLU of resnet8 it is then as large as the gradients of the loss for the gates, 1e-4; at
 * the paper's 80 to 140 the gates all fall alike, whatever the loss says.
 */
const firstLambda = 5;

/** By how much the weight may change over the whole search, either way, where the count stays on one side of the target. */
const range = 1.05 ** 100;

type State = { readonly step: number; readonly lambda: number };

/**
 * Gives the hinge its target, which falls in a line from all ReLUs to the budget, and its weight, which grows while more gates are
 * open than the target says and shrinks while fewer are; refreshes the polynomials at first.
 */
export function autorepSteering({ total, budget, steps, fits }: Steering): Controller {
  const growth = range ** (1 / steps);
  let state: State = { step: 0, lambda: firstLambda };
  const target = (): number => {
    const share = Math.min(1, state.step / steps / reachedAfter);
    return total + (budget - total) * share;
  };
  return {
    scalars: () => ({ lambda: state.lambda, target: target() / total }),
    afterStep(_rows, { penalties }) {
      const step = state.step + 1;
      const isLate = penalties['open']! > target();
      state = { step, lambda: isLate ? state.lambda * growth : state.lambda / growth };
    },
    rewrite(model) {
      const { step } = state;
      if (!fits || step % refreshedEvery !== 0 || step > refreshedUntil * steps) return undefined;
      return refreshed(model());
    },
    state: () => ({ ...state, budget }),
    restore(saved) {
      const { step, lambda } = saved as unknown as State;
      state = { step, lambda };
    },
  };
}

/** What a replacement has to fit. */
export const coefficients: { readonly [K in Replacement]: readonly ('c2' | 'c1' | 'c0')[] } = {
  none: [],
  identity: [],
  affine: ['c1', 'c0'],
  quadratic: ['c2', 'c1', 'c0'],
};

/** The polynomials fitted to the running moments of what they take. */
function refreshed(model: Model): Map<string, Tensor> {
  const { weights } = model;
  return new Map(
    gatedNodes(model).flatMap(({ name, attributes: { replacement } }) => {
      const names = gateWeights(name);
      const moments = momentsFrom(weights.get(names.moments)!.data);
      const layer = Math.sqrt(moments.reduce((sum, { x2 }) => sum + x2, 0) / moments.length);
      const fitted = moments.map((own) => fitOf[replacement](own, layer));
      return coefficients[replacement].map((key) => {
        return [
          names[key],
          tensor(
            [fitted.length],
            Float32Array.from(fitted, (p) => p[key]),
          ),
        ] as const;
      });
    }),
  );
}
