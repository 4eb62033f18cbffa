import { pixels } from '../models/data/dataset.ts';
import type { Dataset } from '../models/data/dataset.ts';
import { groupsOfLabels } from '../models/fairness/groups.ts';
import type { Groups } from '../models/fairness/groups.ts';
import { fairnessReport } from '../models/fairness/report.ts';
import type { Answers, FairnessReport, ReportOptions } from '../models/fairness/report.ts';
import type { Model } from '../models/graph.ts';
import { predict } from '../models/run.ts';
import { sizeOf } from '../models/tensor.ts';
import { DataError } from '../src/shared/errors.ts';
import type { OnProgress } from '../src/shared/progress.ts';

export type NamedModel = { readonly name: string; readonly model: Model };

export type CompareOptions = ReportOptions & {
  /** Class labels where left out. */
  readonly groups?: Groups;
  readonly onProgress?: OnProgress;
};

/**
 * Accuracy of each group under the original and the reduced models, on the same images. Models run one after the other, in
 * the clear. Throws DataError where a model's classes are not the data set's.
 */
export async function compareModels(
  [original, ...reduced]: readonly [NamedModel, ...NamedModel[]],
  dataset: Dataset,
  { groups, onProgress, ...report }: CompareOptions = {},
): Promise<FairnessReport> {
  const images = pixels(dataset);
  const before = await answersOf(original, dataset, images, onProgress);
  const after: Answers[] = [];
  for (const model of reduced) after.push(await answersOf(model, dataset, images, onProgress));
  return fairnessReport(before, after, groups ?? groupsOfLabels(dataset.labels, dataset.classes), report);
}

async function answersOf(
  { name, model }: NamedModel,
  dataset: Dataset,
  images: Float32Array,
  onProgress?: OnProgress,
): Promise<Answers> {
  const classes = sizeOf(model.graph.outputs[0]?.shape ?? []);
  if (classes < dataset.classes.length) {
    throw new DataError(
      `${name}: answers with ${classes} classes, ${dataset.name} has ${dataset.classes.length}`,
    );
  }
  const logits = await predict(model, images, dataset.n, {
    ...(onProgress && { onProgress: (event) => onProgress({ ...event, label: `evaluate ${name}` }) }),
  });
  return { model: name, outcomes: { logits, classes, labels: dataset.labels } };
}
