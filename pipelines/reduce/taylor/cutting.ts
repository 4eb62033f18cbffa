import type { Model } from '../../../models/graph.ts';
import { tensor } from '../../../models/tensor.ts';
import type { Tensor } from '../../../models/tensor.ts';
import type { Controller } from '../../../models/train/controller.ts';
import { gatePlaces, gateWeights } from '../gates/gates.ts';
import type { LayerState } from '../gates/layer-states.ts';

export type Cutting = {
  readonly layers: readonly LayerState[];
  /** The ReLUs before the search and the ReLUs to keep. */
  readonly total: number;
  readonly budget: number;
  /** Steps of the whole search. */
  readonly steps: number;
  /** The scores of all elements of a network with gates; those with the highest keep their ReLUs. */
  readonly scoresOf: (gated: Model) => Promise<ReadonlyMap<string, Float64Array>>;
};

/**
 * ReLUPruner trains for 5 of 150 epochs before its first cut and reaches the budget after 60 % of the rest.
 */
const startsAt = 1 / 30;
const reachedAfter = startsAt + (1 - startsAt) * 0.6;

/** The number of cuts until the budget is reached. The code cuts every 100 of some 34,000 steps. */
const cuts = 10;

/**
 * The share of the ReLUs between all and the budget that are left at a part of the way to the budget: the
 * falling cosine of ReLUPruner's released code.
 */
export function leftAt(way: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * Math.min(1, Math.max(0, way)) ** 1.5));
}

/**
 * Steers the search. At each cut all elements are scored anew, those of replaced ReLUs too, and as many as
 * the schedule leaves become ReLUs, whatever they were. After the budget is reached, half as many cuts
 * follow.
 */
export function progressiveCuts({ layers, total, budget, steps, scoresOf }: Cutting): Controller {
  const first = Math.floor(startsAt * steps);
  const last = Math.max(first + 1, Math.floor(reachedAfter * steps));
  const every = Math.max(1, Math.floor((last - first) / cuts));
  let step = 0;
  const isCut = () => {
    if (step === last || step === steps) return true;
    if (step <= first) return false;
    return step < last ? (last - step) % every === 0 : (step - last) % (2 * every) === 0;
  };
  return {
    afterStep: () => void step++,
    rewrite() {
      if (!isCut()) return undefined;
      const left = leftAt((step - first) / (last - first));
      const count = step >= last ? budget : Math.round(budget + (total - budget) * left);
      return async (gated) => cut(gated, layers, await scoresOf(gated), count);
    },
    state: () => ({ step, budget }),
    restore(saved) {
      ({ step } = saved as { readonly step: number });
    },
  };
}

/**
 * Opens the gates with the highest scores, as many as stand for at most `count` ReLUs, and shuts the others.
 */
export function cut(
  gated: Model,
  layers: readonly LayerState[],
  scores: ReadonlyMap<string, Float64Array>,
  count: number,
): Map<string, Tensor> {
  const gates = gatePlaces(gated).flatMap(({ layer, places }) => {
    const { open } = layers.find((own) => own.layer === layer)!;
    return Array.from(open, (isOpen, gate) => {
      const own = scores.get(layer)!.subarray(gate * places, (gate + 1) * places);
      const score = isOpen === 1 ? own.reduce((sum, value) => sum + value, 0) / places : -Infinity;
      return { layer, gate, places, score };
    });
  });
  const order = Uint32Array.from(gates.keys()).sort((a, b) => gates[b]!.score - gates[a]!.score || a - b);
  const open = new Map(layers.map(({ layer, open: { length } }) => [layer, new Float32Array(length)]));
  let relus = 0;
  for (const i of order) {
    const { layer, gate, places, score } = gates[i]!;
    relus += places;
    if (relus > count || score === -Infinity) break;
    open.get(layer)![gate] = 1;
  }
  return new Map(
    [...open].map(([layer, own]) => {
      const { gate } = gateWeights(layer);
      return [gate, tensor(gated.weights.get(gate)!.shape, own)];
    }),
  );
}
