import type { Model } from '../../../models/graph.ts';
import { countRelus } from '../../../models/analysis/inspect.ts';
import { otherActivations } from '../../../models/passes/as-relu.ts';
import { fairSample } from '../mitigation/fair-select.ts';
import { layerEntries, resolveBudget } from '../reduction.ts';
import type { Reduction } from '../reduction.ts';
import { trainingSample } from '../polynomials/training-sample.ts';
import { criticality } from './criticality.ts';
import type { DeepreduceOptions, StageCriticality } from './criticality.ts';
import { chooseRelus, rankedIn, selectionReason, selectionOf } from './selection.ts';
import { describeScale, reshapeNetwork } from './reshape.ts';
import { deepreduceDefaults } from './settings.ts';
import { stagesBy } from './stages.ts';
import { replaceStagewise } from './stagewise.ts';

export type DeepreduceResult = Reduction & {
  /** The stages, least critical first. */
  readonly criticality: readonly StageCriticality[];
};

/**
 * DeepReDuce (Jha, Ghodsi, Garg, Reagen, ICML 2021) at a budget, for any network whose stages can be told
 * apart:
 *
 * 1. If asked for, the network is reshaped: it keeps its most important channels, on smaller maps.
 * 2. Stages lose all their ReLUs, least critical first, while the count stays at or above the budget.
 * 3. The stages that are left lose as many ReLUs as are over the budget, least critical first, so the budget
 *    is met exactly. The ReLUs that cost least go first, or those of the layers that the paper's thinning
 *    names.
 * 4. The network is fine-tuned on labels and on the original's logits, stage by stage.
 *
 * One departure from the paper: ReLUs become what `replace` says (default: quadratic polynomials; in the
 * paper identities). The paper's whole family of networks is in family.ts. Throws UsageError for a budget
 * that the network cannot meet.
 */
export async function deepreduce(model: Model, options: DeepreduceOptions): Promise<DeepreduceResult> {
  const { alpha, rho, thinning, stages: specs, cull } = { ...deepreduceDefaults, ...options.deepreduce };
  const budget = resolveBudget(model, options.budget);
  const stages = stagesBy(model, specs);
  const sample = trainingSample(options);
  const ranked = await criticality(model, stages, sample, options);
  const shaped = await reshapeNetwork(model, { alpha, rho }, sample);
  const surplus = Math.max(0, countRelus(shaped) - budget);
  const selection = selectionOf(shaped, rankedIn(shaped, ranked), { surplus, thinning, cull });
  const { replace = 'quadratic' } = options;
  const replaced = await chooseRelus(
    shaped,
    selection,
    replace,
    (await fairSample(model, options)) ?? sample,
  );
  const work = { model: shaped, teacher: model, replaced, stages, sample, recover: shaped !== model };
  const { model: tuned, history, best } = await replaceStagewise(work, options);
  const scale = describeScale({ alpha, rho });
  const others = otherActivations(model);
  const reason = (layer: string) => {
    const mixed = tuned.graph.nodes.some(({ name, op }) => name === layer && op === 'MixedActivation');
    const kind = mixed ? others.get(layer)?.op : undefined;
    const parts = [
      scale,
      selectionReason(layer, selection),
      kind && `what stays of its ${kind} is a plain ReLU`,
    ];
    return parts.filter((part) => part !== undefined && part !== '').join('; ');
  };
  return {
    model: tuned,
    log: layerEntries(model, tuned, reason, { stages, shaped }),
    budget,
    relusBefore: countRelus(model),
    relusAfter: countRelus(tuned),
    validationAccuracy: best.validationAccuracy,
    history,
    criticality: ranked,
  };
}
