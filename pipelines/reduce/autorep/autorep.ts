import type { Model } from '../../../models/graph.ts';
import { reduceByGates } from '../gates/reduce-by-gates.ts';
import type { GateMethod, GateOptions, GateStart } from '../gates/reduce-by-gates.ts';
import { defaultRanking } from '../ranking.ts';
import type { Reduction } from '../reduction.ts';
import { costsBy } from '../taylor/costs.ts';
import { indicatorGates } from './indicators.ts';

/**
 * AutoReP (Peng et al., ICCV 2023). Each pixel or channel has an indicator s and computes y = s relu(x) + (1
 * - s) p(x). s is 0 or 1 by the hysteresis of a trained number m, whose gradient goes straight through. The
 * weights, m and the polynomials' coefficients (one set per channel) are trained together under a hinge on
 * the number of ReLUs. Then the indicators are frozen and the network is fine-tuned. The given network is the
 * teacher throughout.
 *
 * There are three departures from the paper. m starts in the order of what each ReLU costs, spread evenly
 * over (0, 1) as the paper's random start is: with 7,056 of its ReLUs resnet8 has 92.1 % of 5,000 test images
 * right, and 91.7 % from a random start (a search and a fine-tuning of 100 steps of 64 images each).
 * Coefficients start from measured moments and are refreshed from them, not from those of a normal
 * distribution (the released code uses the variance as the standard deviation). The hinge's target falls
 * linearly to the budget, and its weight grows while the count is above the target and shrinks while it is
 * below. Throws UsageError for a budget that the network cannot meet.
 */
export function autorep(model: Model, options: GateOptions): Promise<Reduction> {
  return reduceByGates(model, options, method);
}

const method: GateMethod = { score: 'm', replacement: 'quadratic', setUp };

async function setUp(start: GateStart) {
  const { model, layers, replacement, sample, total, budget, steps, ranking = defaultRanking } = start;
  const names = layers.map(({ layer }) => layer);
  const costs = await costsBy[ranking]({ model, layers: names, sample, replacement });
  return indicatorGates(model, { layers, costs, total, budget, steps });
}
