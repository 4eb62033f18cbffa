import { sessionSetting } from '../../models/runtime/device.ts';
import type { SessionSetting } from '../../models/runtime/device.ts';
import { pixels } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { groupsOfLabels } from '../../models/fairness/groups.ts';
import type { Groups } from '../../models/fairness/groups.ts';
import type { Outcomes } from '../../models/fairness/metrics.ts';
import { chooseThreshold } from '../../models/fairness/threshold.ts';
import type { ThresholdGoal } from '../../models/fairness/threshold.ts';
import { fairnessReports } from '../../models/fairness/report.ts';
import type { Answers, FairnessReport, ReportOptions } from '../../models/fairness/report.ts';
import type { Model } from '../../models/graph.ts';
import { predict } from '../../models/runtime/run.ts';
import type { PredictOptions } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { fitted } from '../../models/data/fitted.ts';
import { defined } from '../../src/shared/defined.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { shiftedAnswers } from './shifts.ts';
import type { Shift } from './shifts.ts';

export type NamedModel = {
  readonly name: string;
  readonly model: Model;
  /** Networks made the same way with other seeds. The figures are then means over all of them. */
  readonly repeats?: readonly Model[];
};

export type CompareOptions = ReportOptions &
  SessionSetting & {
    /** The group of each image (default: its class). */
    readonly groups?: Groups;
    /** Controls: each adds a line for each network, with shifted logits (default: none). */
    readonly shifts?: readonly Shift[];
  };

/**
 * Compares the accuracy of each group under the original model and the reduced ones, on the same images,
 * with intervals and tests. The models run in the clear, one after the other. Throws DataError if a model
 * does not fit the data set.
 */
export async function compareModels(
  models: readonly [NamedModel, ...NamedModel[]],
  given: Dataset,
  { groups, ...options }: CompareOptions = {},
): Promise<FairnessReport> {
  const dataset = fitted(models[0].model, given);
  const named = groups ?? groupsOfLabels(dataset.labels, dataset.classes);
  const [report] = await comparePartitions(models, dataset, [named], options);
  return report!;
}

/** Like `compareModels`, with a report for each partition of the images; see `fairnessReports`. */
export async function comparePartitions(
  [original, ...reduced]: readonly [NamedModel, ...NamedModel[]],
  given: Dataset,
  partitions: readonly Groups[],
  options: Omit<CompareOptions, 'groups'> = {},
): Promise<FairnessReport[]> {
  const dataset = fitted(original.model, given);
  const { onProgress } = options;
  const images = pixels(dataset);
  const networks = [original, ...reduced].reduce((sum, { repeats = [] }) => sum + 1 + repeats.length, 0);
  let evaluated = 0;
  const answersOf = async ({ name, model, repeats = [] }: NamedModel): Promise<Answers> => {
    const outcomes: Outcomes[] = [];
    for (const network of [model, ...repeats]) {
      const which = repeats.length === 0 ? '' : ` (${outcomes.length + 1} of ${repeats.length + 1})`;
      const report = onProgress && overall(onProgress, `${name}${which}`, evaluated++, networks);
      const how = { ...sessionSetting(options), ...defined({ onProgress: report }) };
      outcomes.push(await outcomesOf(network, dataset, images, how));
    }
    const [first, ...others] = outcomes;
    return { model: name, outcomes: first!, repeats: others };
  };
  const before = await answersOf(original);
  const after: Answers[] = [];
  for (const model of reduced) after.push(await answersOf(model));
  const { shifts = [], ...reporting } = options;
  const shifted = shifts.flatMap((shift) =>
    [before, ...after].map((answers, m) => shiftedAnswers(answers, shift, m)),
  );
  const classNames = dataset.classes;
  return fairnessReports(before, [...after, ...shifted], partitions, { classNames, ...reporting });
}

/**
 * The threshold of each network of each model, in log-odds, that `chooseThreshold` takes on images that
 * neither train nor test. Throws DataError if a class has none of them.
 */
export async function chooseThresholds(
  models: readonly NamedModel[],
  given: Dataset,
  { positive, goal, ...options }: { positive: number; goal: ThresholdGoal } & PredictOptions,
): Promise<number[][]> {
  const thresholds: number[][] = [];
  for (const { model, repeats = [] } of models) {
    const dataset = fitted(model, given);
    const images = pixels(dataset);
    const own: number[] = [];
    for (const network of [model, ...repeats])
      own.push(chooseThreshold(await outcomesOf(network, dataset, images, options), positive, goal));
    thresholds.push(own);
  }
  return thresholds;
}

/** Reports the progress of one network as a part of the progress of all. */
function overall(onProgress: OnProgress, name: string, before: number, networks: number): OnProgress {
  return ({ done, total }) =>
    onProgress({ phase: 'evaluation', done: before + done / total, total: networks, now: name });
}

async function outcomesOf(
  model: Model,
  dataset: Dataset,
  images: Float32Array,
  options: PredictOptions,
): Promise<Outcomes> {
  const { labels, n } = fitted(model, dataset);
  const classes = sizeOf(model.graph.outputs[0]!.shape);
  return { logits: await predict(model, images, n, options), classes, labels };
}
