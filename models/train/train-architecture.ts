import { UsageError } from '../../src/shared/errors.ts';
import { architectures } from '../architectures/index.ts';
import type { ArchitectureName } from '../architectures/index.ts';
import { sessionSetting } from '../runtime/device.ts';
import { loadDataset } from '../data/dataset.ts';
import type { Dataset, Split } from '../data/dataset.ts';
import { seededRng } from '../data/seeded.ts';
import { trainingDataOf } from '../data/training-data.ts';
import type { Model } from '../graph.ts';
import type { HistoryStep } from '../history.ts';
import { withClasses } from '../data/match-classes.ts';
import { splitValidation } from '../data/splits.ts';
import { evaluate } from './evaluate.ts';
import type { Evaluation } from './evaluate.ts';
import { fit } from './fit.ts';
import type {
  EpochEntry,
  FitResult,
  TrainingCourse,
  TrainingImages,
  TrainingObjective,
  TrainingRecord,
  TrainingWatch,
  WeightUpdates,
} from './fit.ts';
import type { EngineSetting } from './engines/index.ts';

/** The options of `reluctant train`. Those for steps, losses and files are the same as in `fit`. */
export type ArchitectureTraining = {
  /** A name in `architectures`. */
  readonly arch: string;
  /** A spec for `loadDataset`. */
  readonly data: string;
  /** The seed of initial weights, shuffles and augmentation. */
  readonly seed?: number;
  /** Share of the training images held out to choose the epoch. */
  readonly validationFraction?: number;
  /**
   * Trains on the held-out images too and keeps the last epoch (default: false). There is then no validation
   * accuracy, because no image is left that the network has not seen.
   */
  readonly finalOnAll?: boolean;
} & EngineSetting &
  Partial<Omit<TrainingImages, 'train' | 'validation'>> &
  Partial<TrainingCourse> &
  WeightUpdates &
  TrainingObjective &
  TrainingRecord &
  TrainingWatch;

export const trainingDefaults = {
  epochs: 12,
  batch: 128,
  learningRate: 0.1,
  seed: 1,
  validationFraction: 1 / 12, // 5,000 of the 60,000 images of (Fashion-)MNIST
} as const;

export type TrainedArchitecture = FitResult & {
  /** The evaluation on the test images, made once after the epoch was chosen. */
  readonly test: Evaluation;
  readonly train: Dataset;
  readonly validation: Dataset;
};

/**
 * Builds, trains and tests a network. Throws UsageError for an unknown architecture, and DataError for data
 * that cannot be loaded.
 */
export async function trainArchitecture(options: ArchitectureTraining): Promise<TrainedArchitecture> {
  const architecture = architectureOf(options.arch);
  const { epochs, batch, learningRate, seed, validationFraction } = { ...trainingDefaults, ...options };
  const load = (split: Split) =>
    loadDataset(options.data, split, options.onProgress && { onProgress: options.onProgress });
  const all = await load('train');
  const held = splitValidation(all, validationFraction);
  const { finalOnAll = false } = options;
  const { validation } = held;
  const train = finalOnAll ? all : held.train;
  const untrained = architecture(all.shape, all.classes.length, seededRng(seed));
  const initial = withClasses(untrained, all.classes);
  const tested = await load('test'); // before the training, so that a missing test set is found early
  const course = { epochs, batch, learningRate, seed, ...(finalOnAll && onAllImages(options)) };
  const fitted = await fit(initial, { ...options, train, validation, ...course });
  const result = finalOnAll ? unvalidated(fitted) : fitted;
  const data = trainingDataOf(all, finalOnAll ? 0 : validationFraction);
  const model = remembering(result.model, { step: 'train', data });
  const test = await evaluate(model, tested, sessionSetting(options));
  return { ...result, model, test, train, validation };
}

/** A model whose file remembers one training more. */
export function remembering({ graph, weights }: Model, step: HistoryStep): Model {
  return { graph: { ...graph, history: [...(graph.history ?? []), step] }, weights };
}

/**
 * What a training without validation images of its own does otherwise: it has nothing to choose an epoch
 * by.
 */
function onAllImages({ patience, log }: ArchitectureTraining): Partial<TrainingCourse & TrainingRecord> {
  if (patience !== undefined)
    throw new UsageError(
      'a training on all images (final-on-all) has no validation accuracy that patience could watch: leave one of the two out',
    );
  return {
    keep: 'last',
    ...(log && { log: (entry, model, history) => log(unseen(entry), model, history.map(unseen)) }),
  };
}

const unseen = (entry: EpochEntry): EpochEntry => ({ ...entry, validationAccuracy: NaN });

/** The result of a training on the validation images too: accuracy on them says nothing and is NaN. */
export function unvalidated<T extends FitResult>(result: T): T {
  const history = result.history.map(unseen);
  return { ...result, history, best: { epoch: history.length, validationAccuracy: NaN } };
}

function architectureOf(name: string): (typeof architectures)[ArchitectureName] {
  if (Object.hasOwn(architectures, name)) return architectures[name as ArchitectureName];
  const known = Object.keys(architectures).join(', ');
  throw new UsageError(`architecture '${name}' is not known; there are ${known}`);
}
