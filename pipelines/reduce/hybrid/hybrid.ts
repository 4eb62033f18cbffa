import type { Model } from '../../../models/graph.ts';
import { countRelus } from '../../../models/analysis/inspect.ts';
import type { FitResult } from '../../../models/train/fit.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { silent } from '../../../src/shared/progress.ts';
import { describeCostBudget, exactCost } from '../../cost/budget.ts';
import type { CostBudget } from '../../cost/budget.ts';
import { defaultMachine } from '../../cost/default-machine.ts';
import { autorep } from '../autorep/autorep.ts';
import { finetune } from '../finetune.ts';
import type { FineTuningOptions } from '../finetune.ts';
import type { SearchOptions } from '../gates/search.ts';
import type { PartTraining } from '../phase-files.ts';
import { fairSample } from '../mitigation/fair-select.ts';
import { layerEntries, resolveBudget } from '../reduction.ts';
import type { Costing, Reduction } from '../reduction.ts';
import { trainingSample } from '../polynomials/training-sample.ts';
import { candidateNetwork, reasonOf } from './candidate.ts';
import { choose } from './choose.ts';
import { learnedChooser, rankedChooser } from './choosers.ts';
import type { Tuned } from './choosers.ts';
import { countedLayers } from './layers.ts';
import type { Measured } from './layers.ts';
import { servedPlan } from '../../compile/served-plan.ts';
import { planHash } from '../../plan/codec.ts';
import type { Bits } from '../../simulate/bits-in-order.ts';
import { checkReachable } from './reachable.ts';
import { agreementOf, servingWith } from './serving.ts';
import type { Judging, Serving } from './serving.ts';
import { costOf, measuredTask, pricedTask } from './task.ts';

export type HybridOptions = SearchOptions & FineTuningOptions & Costing;

/**
 * A method of our own for a budget in seconds or bytes on a network, where the other methods count ReLUs. It
 * minimises the loss within the budget.
 *
 * Each layer has prices from the protocol's cost model: a ReLU by the bits of its window, a square, an
 * affine element, and the layer's round trip with what its linear neighbours save by becoming one. Each
 * element has a loss: the divergence of the answers, as in our form of DeepReDuce. `choose` finds which
 * layers vanish and whether squares or affine elements replace ReLUs in each of the others. Within that
 * structure gates learn which ReLUs to keep. They are AutoReP's, but under a hinge on the cost. The ReLUs
 * with the highest scores are kept as far as the budget goes, and the network is fine-tuned on labels and
 * the original's logits. With no search epochs the ReLUs that lose least for their cost are replaced
 * instead.
 *
 * With a budget in ReLUs each ReLU costs one and nothing else does, so that no layer is worth more than its
 * ReLUs and squares are free. Then AutoReP learns which to keep, or with no search epochs those that lose
 * least are replaced. Throws UsageError for a budget that the network cannot meet or meets already.
 */
export async function hybrid(model: Model, options: HybridOptions): Promise<Reduction> {
  const { budget, agreement, searchEpochs, onProgress = silent, replace, ranking } = options;
  const isCount = typeof budget === 'number';
  if (isCount && agreement !== undefined)
    throw new UsageError('option agreement: bits cost seconds and bytes; give a budget in them');
  if (isCount && searchEpochs !== 0) return autorep(model, options);
  const sample = (await fairSample(model, options)) ?? trainingSample(options);
  const measured = { model, sample, replace, ranking, onProgress };
  return isCount ? rankedToCount(measured, options) : toCost(measured, budget, options);
}

async function rankedToCount(measured: Measured, options: HybridOptions): Promise<Reduction> {
  const { model, sample } = measured;
  const budget = resolveBudget(model, options.budget);
  const layers = await countedLayers(measured);
  const own = layers.reduce((sum, { replacements }) => sum + finite(replacements[0]!.losses), 0);
  const choices = choose(layers, budget - (countRelus(model) - own))!;
  const start = await candidateNetwork(model, layers, choices, sample);
  const tuned = await finetune(start, model, { phase: 'fine-tuning' }, options);
  const describe = (price: number) => (price === 1 ? 'one' : 'nothing');
  return { ...reductionOf(model, tuned, (layer) => reasonOf(layer, layers, choices, describe)), budget };
}

function finite(losses: Float64Array): number {
  return losses.reduce((n, loss) => n + (loss === Infinity ? 0 : 1), 0);
}

/**
 * How many trainings may exceed the budget before the reduction fails. Values grow while a network learns, so
 * a window may need one bit more.
 */
const mostTrainings = 3;

async function toCost(measured: Measured, budget: CostBudget, options: HybridOptions): Promise<Reduction> {
  const { machine = defaultMachine, calibration } = options;
  if (calibration === undefined)
    throw new UsageError(
      `budget: ${describeCostBudget(budget)}; expected calibration images, because the served plan ` +
        'must meet the budget',
    );
  const { agreement, train } = options;
  const judging = agreement === undefined ? undefined : { agreement, train, onProgress: measured.onProgress };
  const serving = judging ? await servingWith(measured.model, calibration, judging) : { calibration };
  const priced = await pricedTask(measured, budget, machine, serving);
  await checkReachable(priced);
  const task = await measuredTask(priced);
  const choose = options.searchEpochs === 0 ? rankedChooser(task) : await learnedChooser(task, options);
  let over: Tuned | undefined;
  for (let training = 1; training <= mostTrainings; training++) {
    const { model: start, reason } = await choose(over);
    const part: PartTraining =
      training === 1 ? { phase: 'fine-tuning' } : { phase: 'fine-tuning-for-budget', number: training };
    const tuned = await finetune(start, measured.model, part, options);
    const plan = await servedPlan(tuned.model, serving);
    const after = costOf(plan, budget, machine);
    if (after <= budget.limit) {
      const reduced = reductionOf(measured.model, tuned, reason);
      const cost = {
        ...{ budget: describeCostBudget(budget), unit: budget.unit, before: task.before, after },
        planHash: planHash(plan),
        ...(judging && { bits: await bitsOf(tuned.model, serving, judging) }),
      };
      return { ...reduced, budget: reduced.relusAfter, cost };
    }
    over = { model: tuned.model, cost: after };
  }
  throw new UsageError(
    `budget: ${describeCostBudget(budget)}; after training the network takes ` +
      `${exactCost(budget.unit, over!.cost)}; give a slightly smaller budget`,
  );
}

async function bitsOf(model: Model, serving: Serving, judging: Judging) {
  const { activationBits, weightBits } = serving as Bits;
  return { activationBits, weightBits, ...(await agreementOf(model, serving, judging)) };
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
