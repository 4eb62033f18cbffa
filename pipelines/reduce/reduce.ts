import { loadDataset } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { splitValidation } from '../../models/data/splits.ts';
import { groupsBySpec } from '../../models/fairness/group-spec.ts';
import type { Model } from '../../models/graph.ts';
import { recipeDefaults } from '../../models/train/train-architecture.ts';
import { methods } from './methods.ts';
import type { MethodName } from './methods.ts';
import type { Mitigation } from './mitigation/mitigation.ts';
import type { MultiplierEntry } from './mitigation/primal-dual.ts';
import type { Budget } from '../cost/budget.ts';
import type { MachineCosts } from '../cost/machine.ts';
import type { Reduction, ReductionOptions } from './reduction.ts';
import type { OnProgress } from '../../src/shared/progress.ts';

export type ReduceOptions = Pick<
  ReductionOptions,
  | 'replace'
  | 'granularity'
  | 'searchEpochs'
  | 'checkpoint'
  | 'deepreduce'
  | 'deepreshape'
  | 'bases'
  | 'device'
  | 'engine'
  | 'onStart'
> & {
  readonly method: MethodName;
  /** A count of ReLUs or a share of them; for hybrid seconds or bytes too. */
  readonly budget: Budget;
  /** Of predicted seconds. */
  readonly machine?: MachineCosts;
  readonly data: string;
  readonly epochs: number;
  readonly seed: number;
  /** The runtime's own choice where left out. */
  readonly threads?: number;
  /** Columns as `--groups` takes them; the class where left out. Of the next two. */
  readonly groups?: string;
  readonly mitigate?: Pick<Mitigation, 'scheme' | 'settings'>;
  readonly fairSelect?: boolean;
  readonly onProgress: OnProgress;
};

/** What a reduction gives, and how the multipliers of its mitigation went. */
export type Reduced = Reduction & { readonly multipliers: readonly MultiplierEntry[] };

/** Reduces a model on the training images of a data set, a part of them held out to choose. Throws UsageError for unknown groups. */
export async function reduceModel(
  model: Model,
  { method, data, seed, groups = 'label', mitigate, fairSelect = false, ...options }: ReduceOptions,
): Promise<Reduced> {
  const { train, validation } = await trainingData(data, seed);
  const groupsOf = (dataset: Dataset) => groupsBySpec(dataset, groups);
  const multipliers: MultiplierEntry[] = [];
  const onEpoch = (entry: MultiplierEntry) => void multipliers.push(entry);
  const start = () => multipliers.at(-1)?.groups.map(({ multiplier }) => multiplier);
  const reduction = await methods[method].reduce(model, {
    ...options,
    seed,
    train,
    validation,
    ...(mitigate && { mitigation: { ...mitigate, groups: groupsOf(train), onEpoch, start } }),
    ...(fairSelect && { fairSelect: { groupsOf } }),
  });
  return { ...reduction, multipliers };
}

/** The training images of a data set, a part of them held out to choose by. */
export async function trainingData(
  data: string,
  seed: number,
): Promise<{ train: Dataset; validation: Dataset }> {
  return splitValidation(await loadDataset(data, 'train'), recipeDefaults.validationFraction, seed);
}
