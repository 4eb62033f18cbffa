import type { Dataset } from '../../models/data/dataset.ts';
import type { Model } from '../../models/graph.ts';
import { engineSetting } from '../../models/train/engines/index.ts';
import type { EngineSetting } from '../../models/train/engines/index.ts';
import { fit } from '../../models/train/fit.ts';
import type { FitResult, TrainingWatch } from '../../models/train/fit.ts';
import { unvalidated } from '../../models/train/train-architecture.ts';
import { adamW } from '../../models/train/optimizers.ts';
import { defined } from '../../src/shared/defined.ts';
import { silent } from '../../src/shared/progress.ts';
import { controllerOf } from './mitigation/mitigation.ts';
import { publishedDistillation } from './distillation.ts';
import { featureLosses } from './feature-losses.ts';
import { atLowerRates } from './lower-rates.ts';
import type { Try } from './lower-rates.ts';
import { polishBySwaps } from './polish/polish.ts';
import type { Polished } from './polish/polish.ts';
import { linesHeld } from './polynomials/lines.ts';
import { trainingSample } from './polynomials/training-sample.ts';
import { phaseFiles, trainingName } from './phase-files.ts';
import type { PartTraining, PhaseRecord } from './phase-files.ts';
import type { FineTuning, ReductionData } from './reduction.ts';

/**
 * AdamW is AutoReP's choice: the gradients of polynomials are sums over all places of a channel, and SGD
 * diverges on them. resnet8 with a quarter of its ReLUs and polynomials for the others has 88.9 % before
 * training. After two epochs of 6,420 images of Fashion-MNIST it has 92.1 % at a rate of 0.001, 91.9 % at
 * 0.003 and 92.05 % at 0.001 in batches of
 * 64. The original has 92.85 %.
 */
const optimisation = { learningRate: 0.001, optimizer: adamW({ weightDecay: 5e-4 }) };

/** The options of a training of a reduced network. */
export type FineTuningOptions = EngineSetting & ReductionData & FineTuning & PhaseRecord & TrainingWatch;

/**
 * Trains a reduced network on labels and on its teacher's logits. `part` says which training of the reduction
 * this is. With mitigation the network after the last epoch is kept, because the epoch with the best overall
 * accuracy is the one that mitigates least.
 */
export async function finetune(
  given: Model,
  teacher: Model,
  part: PartTraining,
  options: FineTuningOptions,
): Promise<FitResult> {
  const onAll = isLast(part) && options.finalTrain !== undefined;
  const train = onAll ? options.finalTrain : options.train;
  const model = isLast(part) ? await polished(given, teacher, options) : given;
  const {
    validation,
    epochs,
    batch = batchFor(train),
    learningRate,
    optimizer,
    seed,
    augment = true,
    mitigation,
    onProgress = silent,
    onStart,
    onNote,
    ...setting
  } = options;
  const inside = featureLosses(model, teacher, options);
  const lines = linesHeld(model, squaresOf(model));
  const work = ({ learningRate, attempt }: Try) =>
    fit(model, {
      optimizer: optimizer ?? optimisation.optimizer,
      learningRate,
      train,
      validation,
      teacher,
      distill: publishedDistillation,
      trainable: moves(model),
      ...(lines.size > 0 && { boundsOf: (name: string) => lines.get(name) }),
      epochs,
      batch: Math.min(batch, train.n),
      augment,
      seed,
      ...inside,
      ...(mitigation && { controller: controllerOf(mitigation, trainingName(part)) }),
      ...((mitigation !== undefined || onAll) && { keep: 'last' as const }),
      ...engineSetting(setting),
      ...phaseFiles(part, { ...options, train }, attempt),
      ...defined({ onStart }),
      onProgress: (event) => onProgress({ ...event, ...part }),
    });
  const rate = learningRate ?? optimisation.learningRate;
  const result = await atLowerRates(part, rate, work, defined({ onNote }));
  if (onAll) return unvalidated(result);
  return mitigation === undefined ? result : { ...result, best: result.history.at(-1)! };
}

/** The network after the swaps that were asked for. */
async function polished(model: Model, teacher: Model, options: FineTuningOptions): Promise<Model> {
  const { polish = 0, validation, seed, onProgress = silent, onNote } = options;
  if (polish === 0) return model;
  const judging = trainingSample({ ...options, train: validation, seed, augment: false });
  const proposing = trainingSample(options);
  const images = { judging, proposing };
  const found = await polishBySwaps(model, teacher, { ...images, evaluations: polish, onProgress });
  onNote?.(polishText(found, judging.n));
  return found.model;
}

function polishText({ swaps, evaluations, lossBefore, lossAfter }: Polished, images: number): string {
  const loss = `${lossBefore.toPrecision(4)} to ${lossAfter.toPrecision(4)}`;
  return `${swaps} swaps of ReLUs change the loss on ${images} validation images from ${loss}, in ${evaluations} evaluations`;
}

/** Whether a training is the last one of a reduction, or of one that tries several for a budget. */
function isLast({ phase }: PartTraining): boolean {
  return phase === 'fine-tuning' || phase === 'fine-tuning-for-budget';
}

/**
 * The default batch: 128 images, or as many as give 100 steps per epoch if that is less, but at least 32. The
 * first steps after ReLUs are replaced matter most. The ResNet-20 of deepreduce/stagewise.ts without ReLUs,
 * after three epochs of 6,420 images, has 82.9 % in batches of 128, 85.7 % of 64, 86.7 % of 32 and 85.2 % of
 * 16; by stages 85.6 % of 128, 86.8 % of 64 and 86.9 % of 32.
 */
export function batchFor({ n }: Dataset): number {
  return Math.min(128, Math.max(32, Math.floor(n / 100)), n);
}

/** The names of the coefficients of x^2. */
function squaresOf(model: Model): string[] {
  return model.graph.nodes.flatMap(({ op, inputs }) => (op === 'MixedActivation' ? [inputs[1]!] : []));
}

/**
 * The weights that are trained: all but coefficients that are 0 in a whole layer. An affine replacement has
 * no x^2 and gets none.
 */
function moves(model: Model): (weight: string) => boolean {
  const coefficients = model.graph.nodes.flatMap((node) =>
    node.op === 'MixedActivation' ? node.inputs.slice(1) : [],
  );
  const held = new Set(coefficients.filter((name) => model.weights.get(name)!.data.every((c) => c === 0)));
  return (weight) => !held.has(weight);
}
