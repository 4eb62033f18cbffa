import type { Dataset } from '../../models/data/dataset.ts';
import type { Model } from '../../models/graph.ts';
import { engineSetting } from '../../models/train/engines/index.ts';
import type { EngineSetting } from '../../models/train/engines/index.ts';
import { fit } from '../../models/train/fit.ts';
import type { FitResult, TrainingWatch } from '../../models/train/fit.ts';
import { adamW } from '../../models/train/optimizers.ts';
import { defined } from '../../src/shared/defined.ts';
import { silent } from '../../src/shared/progress.ts';
import { controllerOf } from './mitigation/mitigation.ts';
import { phaseFiles, trainingName } from './phase-files.ts';
import type { PartTraining, PhaseRecord } from './phase-files.ts';
import type { FineTuning, ReductionData } from './reduction.ts';

/** As in the released code of AutoReP (Peng et al., ICCV 2023) and of SNL (Cho et al., ICML 2022). */
export const publishedDistillation = { temperature: 4, weight: 1 };

/**
 * AdamW, AutoReP's choice: polynomials' gradients are sums over all places of a channel, and SGD diverges on them. ResNet8 with a
 * quarter of its ReLUs, polynomials for the others (88.9 % untrained), two epochs of 6,420 images of Fashion-MNIST: 92.1 % at 0.001,
 * 91.9 % at 0.003, 92.05 % at 0.001 in batches of 64; the original 92.85 %.
 */
const optimisation = { learningRate: 0.001, optimizer: adamW({ weightDecay: 5e-4 }) };

/** What a training of a reduced network is told. */
export type FineTuningOptions = EngineSetting & ReductionData & FineTuning & PhaseRecord & TrainingWatch;

/**
 * Trains a reduced network on labels and on its teacher's logits. `part` says which training of the reduction it is. With mitigation the
 * last epoch is kept: the one with the best accuracy overall is the one that mitigates least.
 */
export async function finetune(
  model: Model,
  teacher: Model,
  part: PartTraining,
  options: FineTuningOptions,
): Promise<FitResult> {
  const {
    train,
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
    ...setting
  } = options;
  const result = await fit(model, {
    ...optimisation,
    ...defined({ learningRate, optimizer }),
    train,
    validation,
    teacher,
    distill: publishedDistillation,
    trainable: moves(model),
    epochs,
    batch: Math.min(batch, train.n),
    augment,
    seed,
    ...(mitigation && { controller: controllerOf(mitigation, trainingName(part)), keep: 'last' as const }),
    ...engineSetting(setting),
    ...phaseFiles(part, options),
    ...defined({ onStart }),
    onProgress: (event) => onProgress({ ...event, ...part }),
  });
  return mitigation === undefined ? result : { ...result, best: result.history.at(-1)! };
}

/**
 * 128, or less where that would be fewer than 100 steps an epoch, but 32 at least: the first steps after ReLUs have gone are the ones
 * that count. The ResNet-20 of deepreduce/stagewise.ts without ReLUs, three epochs of 6,420 images: 82.9 % in batches of 128, 85.7 % of 64,
 * 86.7 % of 32, 85.2 % of 16; by stages 85.6 % of 128, 86.8 % of 64, 86.9 % of 32.
 */
export function batchFor({ n }: Dataset): number {
  return Math.min(128, Math.max(32, Math.floor(n / 100)), n);
}

/** All weights but coefficients that are 0 in a whole layer: an affine replacement has no x^2 and gets none. */
function moves(model: Model): (weight: string) => boolean {
  const coefficients = model.graph.nodes.flatMap((node) =>
    node.op === 'MixedActivation' ? node.inputs.slice(1) : [],
  );
  const held = new Set(coefficients.filter((name) => model.weights.get(name)!.data.every((c) => c === 0)));
  return (weight) => !held.has(weight);
}
