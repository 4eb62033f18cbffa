import type { Model, Replacement } from '../../../models/graph.ts';
import type { TaughtImages } from '../../../models/train/activation-gradients.ts';
import { withGates } from '../gates/gates.ts';
import { layerStates } from '../gates/layer-states.ts';
import type { LayerState } from '../gates/layer-states.ts';
import { elementCosts } from '../polynomials/element-losses.ts';
import { allRelusOf } from '../polynomials/replace.ts';
import { taughtBy } from '../polynomials/training-sample.ts';
import type { LabelledSample } from '../polynomials/training-sample.ts';
import type { Ranking } from '../ranking.ts';
import { taylorScores } from './scores.ts';

/** What a ranking needs: a network, its layers, and images. */
export type Ranked = {
  readonly model: Model;
  readonly layers: readonly string[];
  readonly sample: LabelledSample;
  readonly replacement: Replacement;
};

/** The cost of replacing each element of the layers, by layer; Infinity for elements that are not ReLUs. */
export const costsBy: {
  readonly [K in Ranking]: (ranked: Ranked) => Promise<Map<string, Float64Array>>;
} = {
  divergence: ({ model, layers, sample, replacement }) => elementCosts(model, layers, sample, replacement),
  async taylor({ model, layers, sample, replacement }) {
    const only = new Map(layers.map((layer) => [layer, replacement]));
    const states = await layerStates(model, { granularity: 'pixel', replacement: only, sample });
    return taylorCosts(model, states, await taughtBy(model, sample), sample);
  },
};

/** The Taylor scores of a network in which all gates are open; Infinity for elements that are not ReLUs. */
async function taylorCosts(
  model: Model,
  states: readonly LayerState[],
  taught: TaughtImages,
  sample: LabelledSample,
): Promise<Map<string, Float64Array>> {
  const gated = withGates(model, states, {}, ({ open }) => Float32Array.from(open));
  const scores = await taylorScores(gated, taught, sample);
  const relus = allRelusOf(
    model,
    states.map(({ layer }) => layer),
  );
  return new Map(
    [...scores].map(([layer, own]) => {
      const isRelu = relus.get(layer)!;
      return [layer, own.map((score, e) => (isRelu[e] === 1 ? score : Infinity))];
    }),
  );
}
