import type { Model } from '../../../models/graph.ts';
import { gateWeights, withGates } from '../gates/gates.ts';
import { reduceByGates } from '../gates/reduce-by-gates.ts';
import type { GateMethod, GateOptions } from '../gates/reduce-by-gates.ts';
import type { Reduction } from '../reduction.ts';
import { sparsity } from './penalty.ts';
import { shrinkingAlphas } from './shrinking.ts';

/**
 * Selective Network Linearization (Cho, Joshi, Reagen, Garg, Hegde, ICML 2022). Each pixel or channel has an
 * alpha that starts at 1 and computes y = alpha relu(x) + (1 - alpha) p(x). The weights and alphas are
 * trained together under an L1 penalty until no more alphas than the budget are above 0. The elements with
 * the largest alphas become ReLUs, the others p, and the network is fine-tuned.
 *
 * p is what `replace` says (default: the identity, as in the paper). `shrinkingAlphas` says how the schedule
 * departs from the paper's. Throws UsageError for a budget that the network cannot meet.
 */
export function snl(model: Model, options: GateOptions): Promise<Reduction> {
  return reduceByGates(model, options, snlGates);
}

/** How many times an alpha can cross [0, 1] during the search if its gradient keeps its sign. */
const travel = 10;

/** SNL's gates and their search. */
export const snlGates: GateMethod = {
  score: 'alpha',
  replacement: 'identity',
  setUp({ model, layers, total, budget, steps }) {
    const gated = withGates(model, layers, {}, ({ open }) => Float32Array.from(open));
    return {
      gated,
      travel,
      bounds: [0, 1],
      penalties: [sparsity(gated, total)],
      controller: shrinkingAlphas({ total, budget, steps }),
      scoresOf: (searched, layer) => searched.weights.get(gateWeights(layer).gate)!.data,
    };
  },
};
