import type { Model } from '../models/graph.ts';
import { fit } from '../models/train/fit.ts';
import type { FitResult } from '../models/train/fit.ts';
import { silent } from '../src/shared/progress.ts';
import type { ReductionOptions } from './reduction.ts';

/** AutoReP's and, as far as is known, DeepReDuce's: [papers.md] A.1 and B.1. */
const distillation = { temperature: 4, weight: 1 };

/** Trains a reduced network on labels and on its teacher's logits. `label` names the phase to whoever watches. */
export async function finetune(
  model: Model,
  teacher: Model,
  label: string,
  {
    train,
    validation,
    epochs,
    batch = 128,
    learningRate = 0.02,
    seed,
    threads,
    onProgress = silent,
  }: ReductionOptions,
): Promise<FitResult> {
  return fit(model, {
    train,
    validation,
    teacher,
    distill: distillation,
    epochs,
    batch: Math.min(batch, train.n),
    learningRate,
    seed,
    ...(threads !== undefined && { threads }),
    onProgress: (event) => onProgress({ ...event, label: `${label}, ${event.label}` }),
  });
}
