import { join } from 'node:path';
import { architectures } from '../../models/architectures/index.ts';
import { hybrenet } from '../../models/architectures/hybrenet.ts';
import { resnet } from '../../models/architectures/resnet.ts';
import { loadDataset, subset } from '../../models/data/dataset.ts';
import type { Dataset, Split } from '../../models/data/dataset.ts';
import { seededRng } from '../../models/data/seeded.ts';
import { withClasses } from '../../models/data/match-classes.ts';
import { splitValidation } from '../../models/data/splits.ts';
import type { Model } from '../../models/graph.ts';
import { saveModel } from '../../models/files/write.ts';
import { engineSetting } from '../../models/train/engines/index.ts';
import type { EngineSetting } from '../../models/train/engines/index.ts';
import { evaluate } from '../../models/train/evaluate.ts';
import type { Evaluation } from '../../models/train/evaluate.ts';
import { fit } from '../../models/train/fit.ts';
import { logFile } from '../../models/train/log-file.ts';
import { adamW, sgd } from '../../models/train/optimizers.ts';
import type { Optimizer } from '../../models/train/optimizers.ts';
import { trainingDefaults } from '../../models/train/train-architecture.ts';
import { defined } from '../../src/shared/defined.ts';
import { DataError } from '../../src/shared/errors.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { methods } from '../reduce/methods.ts';
import type { Reduction } from '../reduce/reduction.ts';
import type { Recipe } from './schema.ts';

export type RecipeRunOptions = EngineSetting & {
  /** A spec for `loadDataset`. */
  readonly data: string;
  /**
   * The folder for original.onnx, reduced.onnx, checkpoints and logs; the run continues from those that
   * exist.
   */
  readonly folder: string;
  readonly seed: number;
  /**
   * For trying a recipe: every training has one epoch of this many steps, and evaluates as many images
   * (default: the whole recipe).
   */
  readonly maxSteps?: number;
  /** Images per step (default: the recipe's). */
  readonly batch?: number;
  readonly onProgress?: OnProgress;
  readonly onStart?: (runsOn: string) => void;
};

export type RecipeResult = {
  readonly original: Evaluation;
  readonly reduced: Evaluation;
  readonly reduction: Reduction;
};

/**
 * Trains a recipe's network and reduces it. If it is stopped and called again with the same options, it
 * continues after the last whole epoch. Throws DataError if the data do not have the recipe's form.
 */
export async function runRecipe(published: Recipe, options: RecipeRunOptions): Promise<RecipeResult> {
  const recipe = shortened(published, options);
  const { train, validation, test } = await dataOf(recipe, options);
  const { folder, seed, onProgress, onStart } = options;
  const common = {
    train,
    validation,
    seed,
    ...engineSetting(options),
    ...defined({ onProgress, onStart }),
  };
  const { optimizer, labelSmoothing, ...training } = recipe.train;
  const log = logFile(join(folder, 'original.jsonl'), { recipe: published.title, seed, ...training });
  const { model: original } = await fit(withClasses(recipeNetwork(recipe, seed), train.classes), {
    ...common,
    ...training,
    ...defined({ labelSmoothing }),
    optimizer: optimizerOf(optimizer),
    checkpoint: join(folder, 'original.checkpoint'),
    log: (_entry, _model, history) => log(history),
  });
  await saveModel(join(folder, 'original.onnx'), original);
  const { method, optimizer: by, ...settings } = recipe.reduce;
  const reduction = await methods[method].reduce(original, {
    ...common,
    ...settings,
    optimizer: optimizerOf(by),
    checkpoint: join(folder, 'reduction'),
  });
  await saveModel(join(folder, 'reduced.onnx'), reduction.model);
  const tested = (model: Model) =>
    evaluate(model, test, { ...engineSetting(options), ...defined({ onProgress }) });
  return { original: await tested(original), reduced: await tested(reduction.model), reduction };
}

/** Builds the untrained network of a recipe. */
export function recipeNetwork({ network, data }: Recipe, seed: number): Model {
  const { shape, classes } = data;
  const rng = seededRng(seed);
  if ('arch' in network) return architectures[network.arch](shape, classes, rng);
  const images = { inChannels: shape[0], size: shape[1], classes };
  if ('hybrenet' in network) return hybrenet({ ...images, ...network.hybrenet }, rng);
  return resnet({ name: 'resnet', ...images, ...network.resnet }, rng);
}

function shortened(recipe: Recipe, { maxSteps, batch }: RecipeRunOptions): Recipe {
  const changed = {
    ...defined({ batch }),
    ...(maxSteps !== undefined && { epochs: 1 }),
  };
  const { searchEpochs, deepreduce } = recipe.reduce;
  const reduce = {
    ...recipe.reduce,
    ...changed,
    ...(maxSteps !== undefined && searchEpochs !== undefined && { searchEpochs: 1 }),
    ...(maxSteps !== undefined && deepreduce && { deepreduce: { ...deepreduce, criticalityEpochs: 1 } }),
  };
  return { ...recipe, train: { ...recipe.train, ...changed }, reduce };
}

async function dataOf(recipe: Recipe, options: RecipeRunOptions) {
  const { data, maxSteps, onProgress } = options;
  const load = async (split: Split): Promise<Dataset> => {
    const loaded = await loadDataset(data, split, onProgress && { onProgress });
    checkForm(loaded, recipe);
    return loaded;
  };
  const split = splitValidation(await load('train'), trainingDefaults.validationFraction);
  const test = await load('test');
  if (maxSteps === undefined) return { ...split, test };
  const images = maxSteps * Math.max(recipe.train.batch, recipe.reduce.batch);
  return {
    train: first(split.train, images),
    validation: first(split.validation, images),
    test: first(test, images),
  };
}

function first(dataset: Dataset, n: number): Dataset {
  return subset(
    dataset,
    Uint32Array.from({ length: Math.min(n, dataset.n) }, (_, i) => i),
  );
}

function checkForm({ name, shape, classes }: Dataset, { data }: Recipe): void {
  if (shape.join() === data.shape.join() && classes.length === data.classes) return;
  throw new DataError(
    `${name}: expected ${data.classes} classes of images ${data.shape.join(' x ')}, like ${data.like}, got ` +
      `${classes.length} of ${shape.join(' x ')}`,
  );
}

function optimizerOf(optimizer: Recipe['train']['optimizer']): Optimizer {
  return optimizer.name === 'sgd' ? sgd(optimizer) : adamW(optimizer);
}
