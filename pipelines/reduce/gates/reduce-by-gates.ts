import type { Model, Replacement } from '../../../models/graph.ts';
import { countRelus, stagesOf } from '../../../models/analysis/inspect.ts';
import { asRelu, otherActivations } from '../../../models/passes/as-relu.ts';
import { defined } from '../../../src/shared/defined.ts';
import { finetune } from '../finetune.ts';
import type { FineTuningOptions } from '../finetune.ts';
import type { Ranking } from '../ranking.ts';
import { layerEntries, resolveBudget } from '../reduction.ts';
import type { Reduction } from '../reduction.ts';
import { trainingSample } from '../polynomials/training-sample.ts';
import type { LabelledSample } from '../polynomials/training-sample.ts';
import { elementScores, withoutGates } from './gates.ts';
import { keepHighest } from './keep.ts';
import { reasons } from './reasons.ts';
import { searchGates, stepsOf } from './search.ts';
import type { Search, SearchOptions } from './search.ts';
import { defaultGranularity, layerStates } from './layer-states.ts';
import type { LayerState } from './layer-states.ts';

/** The options of a method with gates: those of its search and of the fine-tuning that follows. */
export type GateOptions = SearchOptions & FineTuningOptions;

/** A method that learns which ReLUs to keep by training gates. */
export type GateMethod = {
  /** What the log calls the score. */
  readonly score: string;
  /** The replacement if the options name none. */
  readonly replacement: Replacement;
  readonly setUp: (start: GateStart) => GateSetup | Promise<GateSetup>;
};

export type GateStart = {
  /** The network. All its activations are ReLUs or MixedActivations. */
  readonly model: Model;
  readonly layers: readonly LayerState[];
  /** What takes a ReLU's place in all layers. */
  readonly replacement: Replacement;
  readonly sample: LabelledSample;
  /** The given network, which teaches the search. */
  readonly teacher: Model;
  /** The scalar ReLUs behind the gates, and how many of them to keep. */
  readonly total: number;
  readonly budget: number;
  /** Steps of the whole search. */
  readonly steps: number;
  readonly ranking?: Ranking;
};

export type GateSetup = Pick<Search, 'penalties' | 'controller' | 'travel' | 'bounds'> & {
  readonly gated: Model;
  /** The scores of a layer's gates in the searched network. Gates with the highest scores are kept. */
  readonly scoresOf: (searched: Model, layer: string) => Float32Array;
};

/**
 * Gives the network gates, trains it with them until the budget is met, removes the gates with the lowest
 * scores and fine-tunes the result. Both trainings distil from the given network. Activations of other kinds
 * become ReLUs first. Throws UsageError for a budget that the network cannot meet.
 */
export async function reduceByGates(
  original: Model,
  options: GateOptions,
  method: GateMethod,
): Promise<Reduction> {
  const { granularity = defaultGranularity, replace: replacement = method.replacement, ranking } = options;
  const budget = resolveBudget(original, options.budget);
  const model = asRelu(original);
  const total = stagesOf(model).reduce((sum, { relus }) => sum + relus, 0);
  const own = budget - (countRelus(model) - total); // max poolings keep theirs
  const sample = trainingSample(options);
  const layers = await layerStates(model, { granularity, replacement, sample });
  const steps = stepsOf(options);
  const { gated, scoresOf, ...search } = await method.setUp({
    ...{ model, layers, replacement, teacher: original, sample, total, budget: own, steps },
    ...defined({ ranking }),
  });
  const searched = await searchGates(gated, { teacher: original, ...search }, options);
  const scores = elementScores(searched, (layer) => scoresOf(searched, layer));
  const maps = new Map(layers.map(({ layer, shape }) => [layer, shape.slice(1)]));
  const replaced = keepHighest(scores, own, (layer) => maps.get(layer)!);
  const reduced = withoutGates(searched, replaced);
  const {
    model: tuned,
    history,
    best,
  } = await finetune(reduced, original, { phase: 'fine-tuning' }, options);
  const others = otherActivations(original);
  const why = reasons({ score: method.score, scores, replaced, replacementOf: () => replacement, others });
  return {
    model: tuned,
    log: layerEntries(original, tuned, why),
    budget,
    relusBefore: countRelus(original),
    relusAfter: countRelus(tuned),
    validationAccuracy: best.validationAccuracy,
    history,
  };
}
