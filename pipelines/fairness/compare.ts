import { sessionSetting } from '../../models/runtime/device.ts';
import type { SessionSetting } from '../../models/runtime/device.ts';
import { pixels } from '../../models/data/dataset.ts';
import type { Dataset } from '../../models/data/dataset.ts';
import { groupsOfLabels } from '../../models/fairness/groups.ts';
import type { Groups } from '../../models/fairness/groups.ts';
import type { Outcomes } from '../../models/fairness/metrics.ts';
import { fairnessReports } from '../../models/fairness/report.ts';
import type { Answers, FairnessReport, ReportOptions } from '../../models/fairness/report.ts';
import type { Model } from '../../models/graph.ts';
import { predict } from '../../models/runtime/run.ts';
import type { PredictOptions } from '../../models/runtime/run.ts';
import { sizeOf } from '../../models/tensor.ts';
import { fitted } from '../../models/train/evaluate.ts';
import { defined } from '../../src/shared/defined.ts';
import type { OnProgress } from '../../src/shared/progress.ts';

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
    /**
     * The share of each class in training. Each network then has a second line, whose logits are adjusted
     * after training by the logarithm of these shares (Menon et al., ICLR 2021), as a control that needs
     * no training.
     */
    readonly classShares?: readonly number[];
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
  const { classShares } = options;
  if (classShares !== undefined)
    after.push(...[before, ...after].map((answers) => adjustedAnswers(answers, classShares)));
  return fairnessReports(before, after, partitions, options);
}

/** The answers of a network whose logits lose the logarithm of their class's share. */
export function adjustedAnswers(
  { model, outcomes, repeats = [] }: Answers,
  shares: readonly number[],
): Answers {
  const adjusted = ({ logits, classes, labels }: Outcomes): Outcomes => {
    if (shares.length !== classes)
      throw new RangeError(`adjustment: expected ${classes} shares of classes, got ${shares.length}`);
    return { logits: logits.map((logit, i) => logit - Math.log(shares[i % classes]!)), classes, labels };
  };
  return { model: `${model}, adjusted`, outcomes: adjusted(outcomes), repeats: repeats.map(adjusted) };
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
