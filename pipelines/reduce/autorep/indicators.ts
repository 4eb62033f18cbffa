import { formOf } from '../../../models/graph.ts';
import type { Model } from '../../../models/graph.ts';
import { gateWeights, withGates } from '../gates/gates.ts';
import type { GateSetup } from '../gates/reduce-by-gates.ts';
import type { LayerState } from '../gates/layer-states.ts';
import { hingePenalty, openCount } from './penalty.ts';
import type { Weights } from './penalty.ts';
import { autorepSteering, coefficients } from './steering.ts';

/** How many times m can cross (0, 1) during the search if its gradient keeps its sign. */
const travel = 4;

/**
 * The threshold of the hysteresis in steps of m at the full learning rate. In the paper it is 0.003 at a
 * learning rate of 0.001.
 */
const thresholdSteps = 3;

/** An upper bound of the threshold: in a search of fewer than 100 steps no gate would cross a larger one. */
const largestThreshold = 0.12;

export type IndicatorOptions = {
  readonly layers: readonly LayerState[];
  /**
   * The cost of removing each element, which decides the order in which m starts. Infinity for elements that
   * are not ReLUs.
   */
  readonly costs: ReadonlyMap<string, Float64Array>;
  /** The ReLUs before the search and the ReLUs to keep, weighted if they have weights. */
  readonly total: number;
  readonly budget: number;
  /** Steps of the whole search. */
  readonly steps: number;
  readonly weightOf?: Weights;
};

/**
 * AutoReP's search: gates with indicators for the ReLUs of the layers, the hinge on the open ones, and the
 * controller that steers both.
 */
export function indicatorGates(
  model: Model,
  { layers, costs, total, budget, steps, weightOf }: IndicatorOptions,
): GateSetup {
  const ranks = rankedGates(layers, costs);
  const threshold = Math.min(largestThreshold, (thresholdSteps * travel) / steps);
  const gated = withGates(model, layers, { threshold }, ({ layer }) => ranks.get(layer)!);
  const fits = layers.some(({ replacement }) => coefficients[formOf[replacement]].length > 0);
  return {
    gated,
    travel,
    penalties: [hingePenalty(gated, total, weightOf), openCount(gated, weightOf)],
    controller: autorepSteering({ total, budget, steps, fits }),
    scoresOf: (searched, layer) => searched.weights.get(gateWeights(layer).gate)!.data,
  };
}

/**
 * Gives each gate a number in (0, 1), higher if replacing its ReLUs costs more. The numbers are evenly spread
 * over all gates; a gate without ReLUs gets 0. `costs` are by element, Infinity for elements that are not
 * ReLUs. A channel costs the mean of its elements.
 */
export function rankedGates(
  layers: readonly LayerState[],
  costs: ReadonlyMap<string, Float64Array>,
): Map<string, Float32Array> {
  const perGate = layers.map(({ layer, open }) => gateCosts(costs.get(layer)!, open.length));
  const all = perGate.flatMap((own) => [...own]);
  const order = Uint32Array.from(all.keys()).filter((i) => all[i] !== Infinity);
  order.sort((a, b) => all[a]! - all[b]! || a - b);
  const ranks = new Float32Array(all.length);
  order.forEach((gate, i) => (ranks[gate] = (i + 0.5) / order.length));
  let end = 0;
  return new Map(layers.map(({ layer, open }) => [layer, ranks.slice(end, (end += open.length))]));
}

/** The mean cost of the ReLUs behind each gate. */
function gateCosts(costs: Float64Array, gates: number): Float64Array {
  const places = costs.length / gates;
  return Float64Array.from({ length: gates }, (_, gate) => {
    const relus = costs.subarray(gate * places, (gate + 1) * places).filter((cost) => cost !== Infinity);
    return relus.length === 0 ? Infinity : relus.reduce((sum, cost) => sum + cost, 0) / relus.length;
  });
}
