import { createHash } from 'node:crypto';
import { defined } from '../../src/shared/defined.ts';
import { DataError, UsageError } from '../../src/shared/errors.ts';
import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import type { Dataset } from '../data/dataset.ts';
import { sessionSetting } from '../runtime/device.ts';
import type { Model } from '../graph.ts';
import type { Preprocessing } from '../preprocessing.ts';
import { batchesOf } from './batches.ts';
import type { BatchOptions, Teacher } from './batches.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import type { EpochEntry, Standing, TrainingState } from './checkpoint.ts';
import type { Controller } from './controller.ts';
import type { Batch } from './engines/onnxruntime/engine.ts';
import { createEngine, engineSetting } from './engines/index.ts';
import type { Engine, EngineSetting } from './engines/index.ts';
import { evaluate } from './evaluate.ts';
import { fitted } from '../data/fitted.ts';
import { matchMaps } from './feature-terms.ts';
import type { FeatureTerm, MapMatching } from './feature-terms.ts';
import { watchLosses } from './loss-watch.ts';
import { sgd, usualWeightDecay } from './optimizers.ts';
import type { Optimizer } from './optimizers.ts';
import type { Penalty } from './penalty.ts';
import { schedules, warmUp } from './schedules.ts';
import type { Schedule, ScheduleName } from './schedules.ts';
import type { Bounds, Distillation, StepOptions } from './step.ts';
import { teacherOf } from './teacher.ts';

/** The images of a training, and how batches are made of them. */
export type TrainingImages = Omit<BatchOptions, 'controller'> & {
  /** The images that choose the epoch to keep. They must never be the test set. */
  readonly validation: Dataset;
};

/** How long a training runs, and how fast it learns. */
export type TrainingCourse = {
  readonly epochs: number;
  /** The peak of the schedule. */
  readonly learningRate: number;
  /** The schedule after a linear warm-up over half of the first epoch (default: a cosine to zero). */
  readonly schedule?: ScheduleName;
  /**
   * Stops after this many epochs in a row without a better accuracy on the validation set (default: never).
   */
  readonly patience?: number;
  /** Which network to return: the one after the best epoch or the last one (default: best). */
  readonly keep?: 'best' | 'last';
};

/** How a step changes the weights. */
export type WeightUpdates = {
  /** The optimiser (default: SGD with `momentum` and `weightDecay`). */
  readonly optimizer?: Optimizer;
  /** Nesterov momentum (default: 0.9). */
  readonly momentum?: number;
  /** Weight decay of weights with two or more dimensions (default: 5e-4). */
  readonly weightDecay?: number;
  /** Which weights are trained (default: all but the running statistics). */
  readonly trainable?: (weight: string) => boolean;
  /** The factor of the learning rate for a weight (default: 1). */
  readonly rateOf?: (weight: string) => number;
  /** The smallest and the largest value of a weight, to which each step cuts it (default: no bounds). */
  readonly boundsOf?: (weight: string) => Bounds | undefined;
};

/** The loss that training minimises. */
export type TrainingObjective = {
  readonly labelSmoothing?: number;
  /** A network whose logits on the augmented images are distilled (default: none). */
  readonly teacher?: Model;
  /** The settings of distillation (default: temperature 4 and weight 1). */
  readonly distill?: Distillation;
  /** Terms of the loss that depend only on the weights; the controller's `scalars` are their parameters. */
  readonly penalties?: readonly Penalty[];
  /** Maps of the network that are drawn to those of the teacher (default: none). */
  readonly matching?: MapMatching;
  /** Other terms of the loss that depend on values inside the network. */
  readonly features?: readonly FeatureTerm[];
  /** Steers the training. Its first state is the one that it is passed with. */
  readonly controller?: Controller;
};

/** The files of a training. */
export type TrainingRecord = {
  /** A file that is written after each epoch; if it exists, the training continues from it. */
  readonly checkpoint?: string;
  /**
   * Receives the reason why the checkpoint cannot be used; training then starts again (default: it is an
   * error).
   */
  readonly onUnusable?: (why: string) => void;
  /**
   * Called after each epoch, before the next starts; `history` has all epochs, including those before a
   * resume.
   */
  readonly log?: (entry: EpochEntry, model: Model, history: readonly EpochEntry[]) => void | Promise<void>;
};

/** The callbacks that follow a training. */
export type TrainingWatch = {
  /** Called before the first epoch with a description of what trains. */
  readonly onStart?: (runsOn: string) => void;
  /** Called with a sentence where a training of a reduction does not go as planned, but goes on. */
  readonly onNote?: (sentence: string) => void;
  readonly onProgress?: OnProgress;
};

export type FitOptions = EngineSetting &
  TrainingImages &
  TrainingCourse &
  WeightUpdates &
  TrainingObjective &
  TrainingRecord &
  TrainingWatch;

export type { EpochEntry };

export type FitResult = {
  /**
   * The network after the epoch with the best accuracy on the validation set (the earliest if several are
   * equal), or after the last epoch with `keep: 'last'`.
   */
  readonly model: Model;
  readonly history: readonly EpochEntry[];
  readonly best: { readonly epoch: number; readonly validationAccuracy: number };
};

/**
 * Trains a network. The same model, options and number of threads give the same numbers, even if the training
 * stops and continues from a checkpoint. Each epoch leaves out the images that do not fill a whole batch, and
 * these differ from epoch to epoch. Throws DataError if data and network do not fit, UsageError for invalid
 * options, and DivergedError if training diverges.
 */
export async function fit(model: Model, given: FitOptions): Promise<FitResult> {
  const { train, validation } = given;
  const options = { ...given, train: fitted(model, train), validation: fitted(model, validation) };
  checkOptions(options);
  const engine = await createEngine(model, stepOptions(options), engineSetting(options));
  let teacher: Awaited<ReturnType<typeof teacherOf>> | undefined;
  try {
    const pairs = options.matching?.pairs ?? [];
    teacher = options.teacher && (await teacherOf(options.teacher, pairs, sessionSetting(options)));
    options.onStart?.(engine.runsOn);
    return await runEpochs(engine, teacher?.teach, model.graph.preprocessing, options);
  } finally {
    await engine.release();
    await teacher?.release();
  }
}

async function runEpochs(
  engine: Engine,
  teacher: Teacher | undefined,
  preprocessing: Preprocessing | undefined,
  options: FitOptions,
): Promise<FitResult> {
  const { epochs, checkpoint, controller, keep = 'best' } = options;
  const steps = Math.floor(options.train.n / options.batch);
  const schedule = scheduleOf(options, steps);
  const isLost = watchLosses();
  const fingerprint = fingerprintOf(engine, preprocessing, options);
  const saved = await savedStanding(fingerprint, options);
  let standing = saved ?? startOf(engine, controller);
  engine.restore(standing.state);
  if (saved !== undefined) controller?.restore(saved.controller);
  for (let epoch = standing.history.length + 1; epoch <= epochs && !isOver(standing, options); epoch++) {
    const first = (epoch - 1) * steps;
    const entry = await runEpoch(engine, teacher, options, { epoch, first, steps, schedule, isLost });
    const model = engine.model();
    const stopped = controller?.afterEpoch?.(entry, model) === 'stop';
    standing = advance(standing, entry, engine.state(), { controller: controller?.state() ?? null, stopped });
    await options.log?.(entry, model, standing.history);
    if (checkpoint !== undefined) await saveCheckpoint(checkpoint, fingerprint, standing);
  }
  const { epoch, validationAccuracy, state } = standing.best;
  return {
    model: engine.model(keep === 'last' ? standing.state : state),
    history: standing.history,
    best: { epoch, validationAccuracy },
  };
}

/** The state in the checkpoint, or undefined if training starts from the beginning. */
async function savedStanding(
  fingerprint: string,
  { checkpoint, onUnusable }: TrainingRecord,
): Promise<Standing | undefined> {
  if (checkpoint === undefined) return undefined;
  try {
    return await loadCheckpoint(checkpoint, fingerprint);
  } catch (error) {
    if (onUnusable === undefined || !(error instanceof DataError || error instanceof UsageError)) throw error;
    onUnusable(error.message.replace(/; [^;]*$/, '')); // without the advice at its end
    return undefined;
  }
}

function startOf(engine: Engine, controller: Controller | undefined): Standing {
  return {
    history: [],
    best: { epoch: 0, validationAccuracy: -1, state: {} },
    state: engine.state(),
    controller: controller?.state() ?? null,
    stopped: false,
  };
}

function advance(
  { history, best }: Standing,
  entry: EpochEntry,
  state: TrainingState,
  steering: Pick<Standing, 'controller' | 'stopped'>,
): Standing {
  const { epoch, validationAccuracy } = entry;
  const better = validationAccuracy > best.validationAccuracy;
  return {
    history: [...history, entry],
    best: better ? { epoch, validationAccuracy, state } : best,
    state,
    ...steering,
  };
}

function isOver({ history, best, stopped }: Standing, { patience = Infinity }: TrainingCourse): boolean {
  return stopped || history.length - best.epoch >= patience;
}

function scheduleOf(
  { epochs, learningRate, schedule = 'cosine' }: TrainingCourse,
  stepsPerEpoch: number,
): Schedule {
  const steps = epochs * stepsPerEpoch;
  const warm = Math.min(Math.ceil(stepsPerEpoch / 2), steps - 1);
  return warmUp(warm, schedules[schedule](learningRate, steps - warm));
}

/** A hash of everything that must be the same for a training to continue from a checkpoint. */
function fingerprintOf(
  engine: Engine,
  preprocessing: Preprocessing | undefined,
  options: EngineSetting & TrainingImages & TrainingCourse & TrainingObjective,
): string {
  const { train, epochs, batch, learningRate, augment = true, mixup, schedule, device, seed } = options;
  const told = { epochs, batch, learningRate, augment, mixup, schedule, device, seed, preprocessing };
  const hash = createHash('sha256').update(engine.fingerprint());
  const steering = options.controller?.state() ?? null;
  hash.update(JSON.stringify({ n: train.n, shape: train.shape, ...told, steering }));
  hash.update(train.labels);
  for (const { data } of options.teacher?.weights.values() ?? [])
    hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

type Epoch = {
  readonly epoch: number;
  /** The number of the epoch's first step. */
  readonly first: number;
  readonly steps: number;
  readonly schedule: Schedule;
  readonly isLost: ReturnType<typeof watchLosses>;
};

async function runEpoch(
  engine: Engine,
  teacher: Teacher | undefined,
  options: FitOptions,
  { epoch, first, steps, schedule, isLost }: Epoch,
): Promise<EpochEntry> {
  const { batch, epochs, controller, onProgress = silent } = options;
  const started = performance.now();
  const sums = { loss: 0, correct: 0 };
  const losses: number[] = [];
  let step = 0;
  for await (const { rows, batch: images } of batchesOf(options, epoch, teacher)) {
    const result = await engine.run({ ...images, ...steer(controller, rows) }, schedule(first + step));
    const { loss, correct } = result;
    if (!Number.isFinite(loss)) throw diverged({ epoch, step, loss }, options);
    losses.push(loss);
    controller?.afterStep?.(rows, result);
    const rewrite = controller?.rewrite?.();
    if (rewrite !== undefined) {
      await engine.download();
      engine.write(await rewrite(engine.model()));
    }
    sums.loss += loss;
    sums.correct += correct;
    step++;
    onProgress({
      phase: 'training',
      done: first + step,
      total: epochs * steps,
      training: {
        ...{ epoch, epochs, step, steps },
        loss: sums.loss / step,
        imagesPerSecond: (step * batch * 1000) / (performance.now() - started),
      },
    });
  }
  if (isLost(losses, epoch === epochs)) throw diverged({ epoch, step, loss: sums.loss / steps }, options);
  await engine.download();
  const seconds = (performance.now() - started) / 1000;
  const { accuracy } = await evaluate(engine.model(), options.validation, sessionSetting(options));
  return {
    epoch,
    loss: sums.loss / steps,
    trainAccuracy: sums.correct / (steps * batch),
    validationAccuracy: accuracy,
    learningRate: schedule(first),
    seconds,
    imagesPerSecond: (steps * batch) / seconds,
  };
}

/** The numbers that the controller adds to a batch. */
function steer(
  controller: Controller | undefined,
  rows: Uint32Array,
): Pick<Batch, 'scalars' | 'sampleWeights'> {
  return {
    ...(controller?.scalars && { scalars: controller.scalars() }),
    ...(controller?.sampleWeights && { sampleWeights: controller.sampleWeights(rows) }),
  };
}

const defaultDistillation: Distillation = { temperature: 4, weight: 1 }; // AutoReP's

function stepOptions(options: TrainingImages & WeightUpdates & TrainingObjective): StepOptions {
  const { batch, momentum = 0.9, weightDecay = usualWeightDecay, labelSmoothing = 0, trainable } = options;
  const { penalties, controller, rateOf, boundsOf, matching, features = [] } = options;
  const inside = [...(matching === undefined ? [] : [matchMaps(matching)]), ...features];
  return {
    batch,
    labelSmoothing,
    mixup: options.mixup !== undefined,
    optimizer: options.optimizer ?? sgd({ momentum, weightDecay }),
    ...defined({ trainable, rateOf, boundsOf, penalties }),
    ...(inside.length > 0 && { features: inside }),
    ...(controller?.scalars && { scalars: Object.keys(controller.scalars()) }),
    sampleWeights: controller?.sampleWeights !== undefined,
    ...(options.teacher && { distill: options.distill ?? defaultDistillation }),
  };
}

function checkOptions(options: TrainingImages & TrainingCourse & TrainingObjective): void {
  const { train, validation, epochs, batch, learningRate, mixup, patience = 1 } = options;
  if (validation.n === 0)
    throw new DataError(
      `${validation.name}: it has no images to choose the epoch with; give more images of each class`,
    );
  if (options.teacher) fitted(options.teacher, train);
  else if (options.matching) throw new UsageError('matching maps needs a teacher');
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 1;
  if (!isCount(epochs)) throw new UsageError(`epochs: expected a positive whole number, got ${epochs}`);
  if (!isCount(batch) || batch > train.n)
    throw new UsageError(`batch: expected 1 to the ${train.n} training images, got ${batch}`);
  if (!(learningRate > 0))
    throw new UsageError(`learning rate: expected a positive number, got ${learningRate}`);
  if (mixup !== undefined && !(mixup > 0 && mixup <= 1))
    throw new UsageError(`mixup: expected a number above 0 and up to 1, got ${mixup}`);
  if (!isCount(patience)) throw new UsageError(`patience: expected a positive whole number, got ${patience}`);
}

/** The loss of a training is no finite number any more, or has grown beyond all that training reaches. */
export class DivergedError extends UsageError {}

function diverged(
  { epoch, step, loss }: { readonly epoch: number; readonly step: number; readonly loss: number },
  { learningRate }: TrainingCourse,
): DivergedError {
  const is = Number.isFinite(loss) ? `has grown to ${loss.toPrecision(2)}` : 'is not a finite number';
  return new DivergedError(
    `training diverged in epoch ${epoch}, step ${step}: the loss ${is}; ` +
      `lower the learning rate (it is ${learningRate})`,
  );
}
