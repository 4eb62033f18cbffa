import { loadDataset } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { withClasses } from '../../models/data/match-classes.ts';
import { splitValidation } from '../../models/data/splits.ts';
import { groupsBySpec } from '../../models/fairness/group-spec.ts';
import { overlapWarning, trainingDataOf } from '../../models/data/training-data.ts';
import type { Model } from '../../models/graph.ts';
import type { HistoryStep } from '../../models/history.ts';
import type { EngineSetting } from '../../models/train/engines/index.ts';
import { fitted } from '../../models/data/fitted.ts';
import type { TrainingWatch } from '../../models/train/fit.ts';
import { remembering, trainingDefaults } from '../../models/train/train-architecture.ts';
import type { Calibration } from '../compile/calibrate.ts';
import { calibrationOf } from '../compile/served-plan.ts';
import { replaceActivations } from './activations.ts';
import type { ActivationForm } from './activations.ts';
import { methodNames, methods } from './methods.ts';
import type { Method, MethodName } from './methods.ts';
import type { MultiplierEntry } from './mitigation/primal-dual.ts';
import { parseBudget } from '../cost/budget.ts';
import type { Budget } from '../cost/budget.ts';
import { checkTaken, givenIn } from './options.ts';
import type { ReduceSettings } from './options.ts';
import type { Reduction } from './reduction.ts';
import { defined } from '../../src/shared/defined.ts';
import { UsageError } from '../../src/shared/errors.ts';

/** Epochs of fine-tuning, and the seed of shuffles and augmentation. */
export const reduceDefaults = { epochs: 4, seed: trainingDefaults.seed } as const;

export type ReduceOptions = ReduceSettings &
  EngineSetting &
  TrainingWatch & {
    readonly method: MethodName;
    /**
     * Training images, or the name of a data set for `loadDataset`. A twelfth is held out as validation
     * images.
     */
    readonly data: Dataset | string;
    /**
     * The groups of `mitigate` and `fairSelect`: columns of the data, joined by commas (default: the class).
     */
    readonly groups?: string;
    /**
     * Replaces sigmoids, tanh, swishes and their like first, and trains for as many epochs as after the
     * reduction (default: they stay until the method replaces them). The budget counts what is left.
     */
    readonly activations?: ActivationForm;
    /**
     * Gives the validation images back to the last fine-tuning (default: false). It then keeps its last
     * epoch, and there is no validation accuracy.
     */
    readonly finalOnAll?: boolean;
    /** Epochs of fine-tuning (default: 4). */
    readonly epochs?: number;
    /** Seed of shuffles and augmentation (default: 1). */
    readonly seed?: number;
  };

/** The result of a reduction and the history of the multipliers of its mitigation. */
export type Reduced = Reduction & { readonly multipliers: readonly MultiplierEntry[] };

/**
 * Removes ReLUs from a trained model down to a budget and fine-tunes what is left. The same options and
 * number of threads give the same network. Throws UsageError for an unknown method or group, for a budget
 * that cannot be met and for an option that the method does not take, and DataError if the data does not fit
 * the model. The network is named after the classes of the data if it has no names.
 */
export async function reduce(original: Model, options: ReduceOptions): Promise<Reduced> {
  const { method, data, groups = 'label', mitigate, fairSelect = false, activations, ...others } = options;
  const { finalOnAll = false, ...settings } = others;
  if (finalOnAll && mitigate !== undefined)
    throw new UsageError(
      'finalOnAll does not go with a mitigation, whose groups are those of the training part',
    );
  const { epochs = reduceDefaults.epochs, seed = reduceDefaults.seed } = options;
  const budget = budgetOf(options.budget);
  const { reduce: reduceBy } = methodOf(method);
  checkTaken([method], givenIn({ ...options, budget }));
  const { whole, train, validation, calibration } = await trainingData(original, data);
  const { validationFraction } = trainingDefaults;
  const overlap = overlapWarning(original.graph.history, whole, validationFraction);
  if (overlap !== undefined) options.onNote?.(`${original.graph.name}: ${overlap}`);
  const model = withClasses(original, train.classes);
  const groupsOf = (dataset: Dataset) => groupsBySpec(dataset, groups);
  const multipliers: MultiplierEntry[] = [];
  const onEpoch = (entry: MultiplierEntry) => void multipliers.push(entry);
  const start = () => multipliers.at(-1)?.groups.map(({ multiplier }) => multiplier);
  const mitigation = mitigate && { ...mitigate, groups: groupsOf(train), onEpoch, start };
  const common = {
    ...settings,
    budget,
    epochs,
    seed,
    train,
    validation,
    ...(mitigation && { mitigation }),
    ...(finalOnAll && { finalTrain: whole }),
  };
  const base = activations === undefined ? model : await replaceActivations(model, activations, common);
  const reduction = await reduceBy(base, {
    ...common,
    calibration,
    ...(fairSelect && { fairSelect: { groupsOf } }),
  });
  const step: HistoryStep = {
    step: 'reduce',
    data: trainingDataOf(whole, finalOnAll ? 0 : validationFraction),
    method,
    relus: reduction.relusAfter,
    ...(mitigate && { mitigation: { scheme: mitigate.scheme, groups } }),
    ...(fairSelect && { fairSelect }),
  };
  const graph = { ...reduction.model.graph, ...defined({ history: original.graph.history }) };
  const reduced = remembering({ ...reduction.model, graph }, step);
  return { ...reduction, model: reduced, multipliers };
}

function budgetOf(budget: Budget | string): Budget {
  return typeof budget === 'string' ? parseBudget(budget) : budget;
}

function methodOf(name: string): Method {
  if (Object.hasOwn(methods, name)) return methods[name as MethodName];
  throw new UsageError(`method '${name}' is not known; there are ${methodNames.join(', ')}`);
}

/**
 * The training images of a data set for a model, with a part of them held out as validation images.
 * `calibration` is drawn from the whole set, because served networks are calibrated so.
 */
export async function trainingData(model: Model, data: Dataset | string): Promise<TrainingData> {
  const resize = defined({ resize: model.graph.preprocessing?.resize });
  const whole = fitted(model, typeof data === 'string' ? await loadDataset(data, 'train', resize) : data);
  const { train, validation } = splitValidation(whole, trainingDefaults.validationFraction);
  return { whole, train, validation, calibration: calibrationOf(whole) };
}

type TrainingData = {
  /** All images: those of both parts. */
  readonly whole: Dataset;
  readonly train: Dataset;
  readonly validation: Dataset;
  readonly calibration: Calibration;
};
