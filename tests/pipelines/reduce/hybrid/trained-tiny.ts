import type { Model } from '../../../../models/graph.ts';
import { fit } from '../../../../models/train/fit.ts';
import type { CostBudget } from '../../../../pipelines/cost/budget.ts';
import type { MachineCosts } from '../../../../pipelines/cost/machine.ts';
import { calibrationOf, servedPlan } from '../../../../pipelines/compile/served-plan.ts';
import { costOf } from '../../../../pipelines/reduce/hybrid/task.ts';
import type { Task } from '../../../../pipelines/reduce/hybrid/task.ts';
import { trainingSample } from '../../../../pipelines/reduce/polynomials/training-sample.ts';
import { dearRelus } from '../../../helpers/protocol/machine.ts';
import { tinyDataset } from '../../../helpers/data/data.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

export const train = tinyDataset(192, 'train');
export const validation = tinyDataset(90, 'validation');
export const calibration = calibrationOf(train);
export const shared = {
  train,
  validation,
  calibration,
  batch: 32,
  seed: 7,
  threads: 1,
  augment: false,
  machine: dearRelus,
};
export const sample = trainingSample(shared);

let trained: Promise<Model> | undefined;

/** Files that share a process share the network: a model is never changed. */
export function trainedTiny(): Promise<Model> {
  return (trained ??= fit(tinyResnet(), { ...shared, epochs: 8, learningRate: 0.05 }).then(
    ({ model }) => model,
  ));
}

/** What a network's plan costs, in the budget's terms. */
export async function plannedCost(
  model: Model,
  budget: CostBudget,
  machine: MachineCosts = dearRelus,
): Promise<number> {
  return costOf(await servedPlan(model, { calibration }), budget, machine);
}

/** The task whose ReLUs have the compiler's sign tests, so that some must go. */
export function withoutShorterTests(task: Task): Task {
  const layers = task.layers.map((layer) => ({
    ...layer,
    replacements: layer.replacements.filter(({ tests }) => tests === undefined),
  }));
  return { ...task, layers };
}
