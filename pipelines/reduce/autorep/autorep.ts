import type { Model } from '../../../models/graph.ts';
import { elementCosts } from '../polynomials/element-losses.ts';
import { reduceByGates } from '../gates/reduce-by-gates.ts';
import type { GateMethod, GateOptions, GateStart } from '../gates/reduce-by-gates.ts';
import type { Reduction } from '../reduction.ts';
import { indicatorGates } from './indicators.ts';

/**
 * AutoReP (Peng et al., ICCV 2023): y = s relu(x) + (1 - s) p(x) with an indicator s for each pixel or
 * channel. s is 0 or 1 by the hysteresis of a trained m, whose gradient goes straight through; weights, m and
 * the polynomials' coefficients, one set a channel, learn jointly under a hinge on the number of ReLUs; then
 * the indicators are frozen and the network is fine-tuned. The network given is the teacher throughout.
 *
 * Departures: m starts in the order of what each ReLU costs, spread over (0, 1) as the paper's random one is:
 * resnet8 with 7,056 of its ReLUs has 92.1 % of 5,000 test images right, 91.7 % from a random order (a search
 * and a fine-tuning of 100 steps of 64 images each). Coefficients start and are refreshed from measured
 * moments, not from those of a normal distribution (the released code takes the variance for the standard
 * deviation); the hinge's target falls to the budget in a line and its weight follows. Throws UsageError for
 * a budget that the network cannot meet.
 */
export function autorep(model: Model, options: GateOptions): Promise<Reduction> {
  return reduceByGates(model, options, method);
}

const method: GateMethod = { score: 'm', replacement: 'quadratic', setUp };

async function setUp({ model, layers, sample, total, budget, steps }: GateStart) {
  const names = layers.map(({ layer }) => layer);
  const costs = await elementCosts(model, names, sample);
  return indicatorGates(model, { layers, costs, total, budget, steps });
}
