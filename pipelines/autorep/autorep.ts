import type { Model } from '../../models/graph.ts';
import { elementCosts } from '../deepreduce/element-costs.ts';
import { gateWeights, withGates } from '../masks/gates.ts';
import { reduceByGates } from '../masks/reduce-by-gates.ts';
import type { GateMethod, GateStart } from '../masks/reduce-by-gates.ts';
import type { Reduction, ReductionOptions } from '../reduction.ts';
import { hingePenalty, openCount } from './penalty.ts';
import { rankedGates } from './ranks.ts';
import { autorepSteering } from './steering.ts';

/**
 * AutoReP ([papers.md] B): y = s relu(x) + (1 - s) p(x) with an indicator s a pixel or a channel, 0 or 1 by the hysteresis of a trained m, whose
 * gradient goes straight through; weights, m and the polynomials' coefficients, one set a channel, learn jointly under a hinge on the
 * number of ReLUs; then the indicators are frozen and the network is fine-tuned. The network given is the teacher throughout.
 *
 * Departures: m starts in the order of what each ReLU costs, spread over (0, 1) as the paper's random one is: resnet8 with 7,056 of
 * its ReLUs has 92.1 % of 5,000 test images right, 91.7 % from a random order (a search and a fine-tuning of 100 steps of 64 images each).
 * Coefficients start and are refreshed from measured moments, not from a normal's, by the spread and not its square (B.3); the hinge's target falls
 * to the budget in a line and its weight follows. Throws UsageError for a budget that the network cannot meet.
 */
export function autorep(model: Model, options: ReductionOptions): Promise<Reduction> {
  return reduceByGates(model, options, method);
}

/** m can cross (0, 1) this often in the search where its gradient keeps its sign. */
const travel = 4;

/** The threshold in steps of m at full rate; 0.003 at a learning rate of 0.001 in the paper. */
const thresholdSteps = 3;

/** In a search of fewer than 100 steps no gate would pass a threshold of so many. */
const largestThreshold = 0.12;

const method: GateMethod = { score: 'm', replacement: 'quadratic', plan };

async function plan({ model, layers, replacement, sample, total, budget, steps }: GateStart) {
  const costs = await elementCosts(
    model,
    layers.map(({ layer }) => layer),
    sample,
  );
  const ranks = rankedGates(layers, costs);
  const threshold = Math.min(largestThreshold, (thresholdSteps * travel) / steps);
  const gated = withGates(model, layers, { replacement, threshold }, ({ layer }) => ranks.get(layer)!);
  return {
    gated,
    travel,
    penalties: [hingePenalty(gated, total), openCount(gated)],
    controller: autorepSteering({ total, budget, steps, replacement }),
    scoresOf: (searched: Model, layer: string) => searched.weights.get(gateWeights(layer).gate)!.data,
  };
}
