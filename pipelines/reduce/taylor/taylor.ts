import type { Model } from '../../../models/graph.ts';
import { gateWeights, withGates } from '../gates/gates.ts';
import { reduceByGates } from '../gates/reduce-by-gates.ts';
import type { GateMethod, GateOptions } from '../gates/reduce-by-gates.ts';
import type { Reduction } from '../reduction.ts';
import { taughtBy } from '../polynomials/training-sample.ts';
import { progressiveCuts } from './cutting.ts';
import { taylorScores } from './scores.ts';

/**
 * ReLUPruner (Li et al., AAAI 2026). Each element gets a score, an estimate of how much the loss changes if
 * its ReLU is replaced, from the first and second order of a Taylor series (`taylorScores`). While the
 * weights train, the ReLUs with the lowest scores of all layers are replaced, more and more of them until the
 * budget is met, and elements whose scores have risen get their ReLUs back. The network is then fine-tuned.
 *
 * Scores are measured anew at each cut on the images of the sample, and not as moving averages over the steps
 * of training. Throws UsageError for a budget that the network cannot meet.
 */
export function taylor(model: Model, options: GateOptions): Promise<Reduction> {
  return reduceByGates(model, options, method);
}

const method: GateMethod = {
  score: 'Taylor score',
  replacement: 'identity',
  async setUp({ model, layers, teacher, sample, total, budget, steps }) {
    const taught = await taughtBy(teacher, sample);
    const gated = withGates(model, layers, {}, ({ open }) => Float32Array.from(open));
    return {
      gated,
      travel: 0,
      penalties: [],
      controller: progressiveCuts({
        layers,
        total,
        budget,
        steps,
        scoresOf: (searched) => taylorScores(searched, taught, sample),
      }),
      scoresOf: (searched, layer) => searched.weights.get(gateWeights(layer).gate)!.data,
    };
  },
};
