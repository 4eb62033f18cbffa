import { loadDataset } from '../../models/data/dataset.ts';
import { splitValidation } from '../../models/data/splits.ts';
import type { Model } from '../../models/graph.ts';
import { recipeDefaults } from '../../models/train/recipe.ts';
import { methods } from '../../pipelines/methods.ts';
import type { MethodName } from '../../pipelines/methods.ts';
import type { Reduction } from '../../pipelines/reduction.ts';
import type { OnProgress } from '../shared/progress.ts';

export type ReduceOptions = {
  readonly method: MethodName;
  /** A count of ReLUs or a share of them. */
  readonly budget: number;
  readonly data: string;
  readonly epochs: number;
  readonly seed: number;
  /** The runtime's own choice where left out. */
  readonly threads?: number;
  readonly onProgress: OnProgress;
};

/** Reduces a model on the training images of a data set, a part of them held out to choose. */
export async function reduceModel(
  model: Model,
  { method, data, seed, ...options }: ReduceOptions,
): Promise<Reduction> {
  const all = await loadDataset(data, 'train');
  const { train, validation } = splitValidation(all, recipeDefaults.validationFraction, seed);
  return methods[method].reduce(model, { ...options, seed, train, validation });
}
