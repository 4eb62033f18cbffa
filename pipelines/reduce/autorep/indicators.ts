import type { Model } from '../../../models/graph.ts';
import { gateWeights, withGates } from '../gates/gates.ts';
import type { GateSetup } from '../gates/reduce-by-gates.ts';
import type { LayerState } from '../gates/layer-states.ts';
import { hingePenalty, openCount } from './penalty.ts';
import type { Weights } from './penalty.ts';
import { autorepSteering, coefficients } from './steering.ts';

/** m can cross (0, 1) this often in the search where its gradient keeps its sign. */
const travel = 4;

/** The threshold in steps of m at full rate; 0.003 at a learning rate of 0.001 in the paper. */
const thresholdSteps = 3;

/** In a search of fewer than 100 steps no gate would pass a threshold of so many. */
const largestThreshold = 0.12;

export type IndicatorOptions = {
  readonly layers: readonly LayerState[];
  /** What each element's going costs, in whose order m starts; Infinity for what is no ReLU. */
  readonly costs: ReadonlyMap<string, Float64Array>;
  /** ReLUs there are and ReLUs to keep, by their weights where they have such. */
  readonly total: number;
  readonly budget: number;
  /** Of the search. */
  readonly steps: number;
  readonly weightOf?: Weights;
};

/** AutoReP's search: indicators in the place of the layers' ReLUs, the hinge on those that are open, and what steers them. */
export function indicatorGates(
  model: Model,
  { layers, costs, total, budget, steps, weightOf }: IndicatorOptions,
): GateSetup {
  const ranks = rankedGates(layers, costs);
  const threshold = Math.min(largestThreshold, (thresholdSteps * travel) / steps);
  const gated = withGates(model, layers, { threshold }, ({ layer }) => ranks.get(layer)!);
  const fits = layers.some(({ replacement }) => coefficients[replacement].length > 0);
  return {
    gated,
    travel,
    penalties: [hingePenalty(gated, total, weightOf), openCount(gated, weightOf)],
    controller: autorepSteering({ total, budget, steps, fits }),
    scoresOf: (searched, layer) => searched.weights.get(gateWeights(layer).gate)!.data,
  };
}

/**
 * For each gate a number in (0, 1), evenly spread over all gates: higher where replacing its ReLUs costs more, 0 where it stands for
 * none. `costs` are those of elements, Infinity for what is no ReLU; a channel's is the mean of its elements'.
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

/** The mean over the ReLUs behind each gate. */
function gateCosts(costs: Float64Array, gates: number): Float64Array {
  const places = costs.length / gates;
  return Float64Array.from({ length: gates }, (_, gate) => {
    const relus = costs.subarray(gate * places, (gate + 1) * places).filter((cost) => cost !== Infinity);
    return relus.length === 0 ? Infinity : relus.reduce((sum, cost) => sum + cost, 0) / relus.length;
  });
}
