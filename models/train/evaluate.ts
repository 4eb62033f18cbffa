import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { pixels } from '../data/dataset.ts';
import type { Dataset } from '../data/dataset.ts';
import { fitted } from '../data/fitted.ts';
import type { SessionSetting } from '../runtime/device.ts';
import type { Model } from '../graph.ts';
import { Evaluator } from '../runtime/run.ts';
import { argmaxOfRows } from '../tensor.ts';

export type ClassAccuracy = { readonly class: string; readonly accuracy: number; readonly n: number };

/** Accuracies in [0, 1]; NaN for a class without images. */
export type Evaluation = {
  readonly accuracy: number;
  readonly n: number;
  readonly per_class: readonly ClassAccuracy[];
};

export type EvaluateOptions = SessionSetting & {
  /** The number of images to take, from the first (default: all). */
  readonly limit?: number;
  readonly onProgress?: OnProgress;
};

/** Images per call of onnxruntime. */
const batch = 200;

/**
 * Returns the accuracy of a network on a data set, as a whole and by class. Throws DataError if the two do
 * not fit, or if it would be a guess which class is which logit.
 */
export async function evaluate(
  model: Model,
  dataset: Dataset,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  const data = fitted(model, dataset);
  const n = Math.min(data.n, options.limit ?? data.n);
  return scored(data, await predictClasses(model, data, n, options));
}

/** Returns the accuracy of the classes that were predicted for the first images. */
export function scored(dataset: Dataset, predicted: ArrayLike<number>): Evaluation {
  const n = predicted.length;
  const hits = dataset.classes.map(() => 0);
  const counts = dataset.classes.map(() => 0);
  for (let i = 0; i < n; i++) {
    const label = dataset.labels[i]!;
    counts[label]!++;
    if (predicted[i] === label) hits[label]!++;
  }
  const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
  return {
    accuracy: sum(hits) / n,
    n,
    per_class: dataset.classes.map((name, i) => ({
      class: name,
      accuracy: hits[i]! / counts[i]!,
      n: counts[i]!,
    })),
  };
}

/** Returns the class with the largest logit for each of the first `n` images. */
export async function predictClasses(
  model: Model,
  dataset: Dataset,
  n: number,
  { onProgress = silent, ...setting }: EvaluateOptions = {},
): Promise<Uint16Array> {
  const output = model.graph.outputs[0]!;
  const predicted = new Uint16Array(n);
  const evaluator = await Evaluator.create(model, setting);
  try {
    for (let start = 0; start < n; start += batch) {
      const count = Math.min(batch, n - start);
      const images = pixels(
        dataset,
        Array.from({ length: count }, (_, i) => start + i),
      );
      const logits = (await evaluator.run(images, count)).get(output.name)!;
      predicted.set(argmaxOfRows(logits, count), start);
      onProgress({ phase: 'evaluation', done: start + count, total: n });
    }
  } finally {
    await evaluator.release();
  }
  return predicted;
}
