import type { Model, PolynomialForm } from '../../../models/graph.ts';
import type { Controller } from '../../../models/train/controller.ts';
import { tensor } from '../../../models/tensor.ts';
import type { Tensor } from '../../../models/tensor.ts';
import { gatedNodes, gateWeights } from '../gates/gates.ts';
import { momentsFrom } from '../gates/layer-states.ts';
import { fitOf } from '../polynomials/replace.ts';

export type Steering = {
  /** ReLUs before the search, and ReLUs to keep. */
  readonly total: number;
  readonly budget: number;
  /** Steps of the whole search. */
  readonly steps: number;
  /** Whether some replacement of ReLUs has coefficients to fit. */
  readonly fits: boolean;
};

/**
 * The target reaches the budget after this share of the search. It starts at all ReLUs, while in the paper it
 * is at the budget from the start. With 1,693 of its ReLUs (a search and a fine-tuning of 100 steps of 128
 * images each) resnet8 has 91.1 % of 5,000 test images right, and 89.1 % if the search starts with three
 * times as many ReLUs and all others are polynomials at once.
 */
const reachedAfter = 0.8;

/**
 * Coefficients follow the running moments during this share of the search, refreshed every 10 steps. The
 * paper refreshes them for 508 of some 78,000 steps.
 */
const refreshedUntil = 0.3;
const refreshedEvery = 10;

/**
 * The weight of the hinge at the start of the search. At this value its gradient per ReLU of resnet8 is as
 * large as the gradients of the loss for the gates, 1e-4. At the paper's 80 to 140 all gates fall alike,
 * whatever the loss says.
 */
const firstLambda = 5;

/** The largest factor by which the weight can grow or shrink over the whole search. */
const range = 1.05 ** 100;

type State = { readonly step: number; readonly lambda: number };

/**
 * Steers the search. The hinge's target falls linearly from all ReLUs to the budget. The hinge's weight grows
 * while more gates are open than the target and shrinks while fewer are. At first the polynomials are
 * refreshed.
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
    rewrite() {
      const { step } = state;
      if (!fits || step % refreshedEvery !== 0 || step > refreshedUntil * steps) return undefined;
      return refreshed;
    },
    state: () => ({ ...state, budget }),
    restore(saved) {
      const { step, lambda } = saved as unknown as State;
      state = { step, lambda };
    },
  };
}

/** The coefficients that each replacement fits. */
export const coefficients: { readonly [K in PolynomialForm]: readonly ('c2' | 'c1' | 'c0')[] } = {
  none: [],
  identity: [],
  affine: ['c1', 'c0'],
  quadratic: ['c2', 'c1', 'c0'],
};

/**
 * The coefficients of all gated layers, fitted to the running moments of the layers' inputs. Lines in a layer
 * of quadratics stay lines.
 */
function refreshed(model: Model): Map<string, Tensor> {
  const { weights } = model;
  return new Map(
    gatedNodes(model).flatMap(({ name, attributes: { replacement } }) => {
      const names = gateWeights(name);
      const moments = momentsFrom(weights.get(names.moments)!.data);
      const layer = Math.sqrt(moments.reduce((sum, { x2 }) => sum + x2, 0) / moments.length);
      const c2 = weights.get(names.c2)!.data;
      const formIn = (c: number) => (replacement === 'quadratic' && c2[c] === 0 ? 'affine' : replacement);
      const fitted = moments.map((own, c) => fitOf[formIn(c)](own, layer));
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
