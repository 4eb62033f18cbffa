import type { Model } from '../../models/graph.ts';
import { countRelus } from '../../models/inspect.ts';
import { otherActivations } from '../../models/passes/as-relu.ts';
import type { FitResult } from '../../models/train/fit.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { silent } from '../../src/shared/progress.ts';
import { describeCost, describeCostBudget } from '../budget.ts';
import type { CostBudget } from '../budget.ts';
import { defaultMachine } from '../default-machine.ts';
import { finetune } from '../finetune.ts';
import { fairSample } from '../mitigation/fair-select.ts';
import { layerEntries, resolveBudget } from '../reduction.ts';
import type { PredictedCost, Reduction, ReductionOptions } from '../reduction.ts';
import { trainingSample } from '../training-sample.ts';
import { networkOf, reasonOf } from './candidate.ts';
import { choose } from './choose.ts';
import type { Choice, LayerOptions } from './choose.ts';
import { countedLayers } from './layers.ts';
import type { Measured } from './layers.ts';
import { calibrationOf, planOf } from './planned.ts';
import { costOf, search, taskOf } from './search.ts';

/**
 * Ours: fewest losses for a budget in seconds or bytes on a network, where the other methods count ReLUs. Each layer has its prices from the
 * protocol's cost model (a ReLU by the bits of its window, a square, a line, the layer's round trip with what its linear neighbours save by
 * merging), each element its loss (the divergence of the answers, as DeepReDuce's elements have it here); `choose` finds which layers go whole
 * and which ReLUs become squares or lines, and the network is fine-tuned on labels and the original's logits. A budget in ReLUs is the case
 * where a ReLU costs one and nothing else does. Throws UsageError for a budget that the network can't meet, or meets as it is.
 */
export async function hybrid(model: Model, options: ReductionOptions): Promise<Reduction> {
  const { onProgress = silent, replace } = options;
  const sample = (await fairSample(model, options)) ?? trainingSample(options);
  const measured = { model, sample, replace, onProgress };
  return typeof options.budget === 'number'
    ? toCount(measured, options)
    : toCost(measured, options.budget, options);
}

async function toCount(measured: Measured, options: ReductionOptions): Promise<Reduction> {
  const { model, sample } = measured;
  const budget = resolveBudget(model, options.budget);
  const layers = await countedLayers(measured);
  const own = layers.reduce((sum, { replacements }) => sum + finite(replacements[0]!.losses), 0);
  const choice = choose(layers, budget - (countRelus(model) - own))!;
  const tuned = await finetune(await networkOf(model, layers, choice, sample), model, 'fine-tuning', options);
  const describe = (price: number) => (price === 1 ? 'one' : 'nothing');
  return { ...reductionOf(model, tuned, (layer) => reasonOf(layer, layers, choice, describe)), budget };
}

function finite(losses: Float64Array): number {
  return losses.reduce((n, loss) => n + (loss === Infinity ? 0 : 1), 0);
}

/** Trainings until one stays within the budget: values grow while a network learns, and a window may take one bit more. */
const mostTrainings = 3;

async function toCost(measured: Measured, budget: CostBudget, options: ReductionOptions): Promise<Reduction> {
  const { model, sample } = measured;
  const { machine = defaultMachine } = options;
  const calibration = calibrationOf(options.train);
  const task = await taskOf(measured, budget, machine, calibration);
  let limit = budget.limit;
  let after = Infinity;
  for (let training = 1; training <= mostTrainings; training++) {
    const { choice } = await search(task, limit);
    const start = await networkOf(task.base, task.layers, choice, sample);
    const label = training === 1 ? 'fine-tuning' : `fine-tuning ${training}, for the budget`;
    const tuned = await finetune(start, model, label, options);
    after = costOf(await planOf(tuned.model, calibration), budget, machine);
    if (after <= budget.limit) {
      const cost = { budget: describeCostBudget(budget), unit: budget.unit, before: task.before, after };
      return costReduction(model, tuned, task.layers, choice, cost);
    }
    // A little more than what it missed: at least as much goes as the trained network is over.
    limit *= (0.998 * budget.limit) / after;
  }
  throw new UsageError(
    `budget: ${describeCostBudget(budget)}; trained, the network takes ${describeCost(budget.unit, after)}: give a little less`,
  );
}

function costReduction(
  model: Model,
  tuned: FitResult,
  layers: readonly LayerOptions[],
  choice: Choice,
  cost: PredictedCost,
): Reduction {
  const describe = (price: number) => describeCost(cost.unit, Math.max(0, price));
  const others = otherActivations(model);
  const reason = (layer: string) => {
    const own = reasonOf(layer, layers, choice, describe);
    return others.has(layer) ? `a plain ReLU in place of its ${others.get(layer)!.op}; ${own}` : own;
  };
  const reduced = reductionOf(model, tuned, reason);
  return { ...reduced, budget: reduced.relusAfter, cost };
}

function reductionOf(
  model: Model,
  { model: tuned, history, best }: FitResult,
  reason: (layer: string) => string,
) {
  return {
    model: tuned,
    log: layerEntries(model, tuned, reason),
    relusBefore: countRelus(model),
    relusAfter: countRelus(tuned),
    validationAccuracy: best.validationAccuracy,
    history,
  };
}
