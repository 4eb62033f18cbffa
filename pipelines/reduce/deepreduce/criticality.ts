import { sessionSetting } from '../../../models/runtime/device.ts';
import type { Model } from '../../../models/graph.ts';
import type { Stage } from '../../../models/analysis/inspect.ts';
import { predictClasses } from '../../../models/train/evaluate.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { silent } from '../../../src/shared/progress.ts';
import type { Sample } from '../polynomials/moments.ts';
import { finetune } from '../finetune.ts';
import type { FineTuningOptions } from '../finetune.ts';
import { selectionWeights } from '../mitigation/fair-select.ts';
import { allRelusOf, usePolynomials } from '../polynomials/replace.ts';
import type { OwnSettings, Selecting } from '../reduction.ts';
import { deepreduceDefaults } from './settings.ts';
import type { CriticalityForm } from './settings.ts';

/** The options of DeepReDuce. DeepReShape uses them for the stages of the given network. */
export type DeepreduceOptions = FineTuningOptions & Selecting & Pick<OwnSettings, 'deepreduce'>;

export type StageCriticality = {
  readonly stage: Stage;
  /**
   * The accuracy on the validation images with the ReLUs of this stage alone. It is weighted if groups count,
   * and NaN if the network has one stage or the order is given.
   */
  readonly accuracy: number;
  /** The criticality C_k. Larger is more critical; NaN if the order is given. */
  readonly criticality: number;
};

/** The exponent of MnasNet (Tan et al., CVPR 2019), which weighs accuracy against cost in the same way. */
const exponent = 0.07;

/**
 * Ranks the stages by how much their ReLUs matter, least critical first. For each stage k a network keeps the
 * ReLUs of that stage alone; Acc_k is its accuracy on the validation images:
 *
 *     C_k = (Acc_k - Acc_min) / ReLUs_k^0.07,    Acc_min the smallest of the Acc_k
 *
 * This reconstructs the criticality of DeepReDuce (Jha, Ghodsi, Garg, Reagen, ICML 2021); the offset of its
 * numerator is not known to us. Of two equal stages the one with more ReLUs is less critical. The form
 * `trained` is the paper's: ReLUs become what they become in the reduction (identities in the paper), and
 * each network is trained. The form `fitted` replaces the other stages' ReLUs by the fitted replacement and
 * trains nothing. It tells the stages apart as well: on 580 images of Fashion-MNIST resnet8 has 90.7 % with
 * the ReLUs of S1 alone, 82.9 % with S2's and 81.4 % with S3's. Two epochs of training at 14,112 ReLUs agree:
 * 91.9 % with all of them in S1, 90.2 % with all of them in S2 and S3. (The paper's networks, which have no
 * ReLU in the stem, lose S1 first.)
 */
export async function criticality(
  model: Model,
  stages: readonly Stage[],
  sample: Sample,
  options: DeepreduceOptions,
): Promise<StageCriticality[]> {
  const { validation, onProgress = silent } = options;
  const ranked = stages.filter((stage) => stage.relus > 0);
  const { order } = options.deepreduce ?? {};
  if (order !== undefined) return inOrder(ranked, order);
  if (ranked.length === 1) return ranked.map((stage) => ({ stage, accuracy: NaN, criticality: 0 }));
  const weights = await selectionWeights(model, validation, options);
  const accuracies: number[] = [];
  for (const stage of ranked) {
    onProgress({
      phase: 'criticality',
      done: accuracies.length,
      total: ranked.length,
      now: stage.name,
    });
    const others = ranked.filter((other) => other !== stage).flatMap(({ nodes }) => nodes);
    const alone = await forms[options.deepreduce?.criticality ?? deepreduceDefaults.criticality](
      model,
      others,
      stage,
      sample,
      options,
    );
    const predicted = await predictClasses(alone, validation, validation.n, sessionSetting(options));
    accuracies.push(weightedAccuracy(predicted, validation.labels, weights));
  }
  return rankStages(ranked, accuracies);
}

/** The stages from the last name of `order` to the first. Throws UsageError if it does not name each once. */
function inOrder(stages: readonly Stage[], order: readonly string[]): StageCriticality[] {
  const names = stages.map(({ name }) => name);
  if (order.toSorted().join() !== names.toSorted().join())
    throw new UsageError(
      `order: expected each of the stages ${names.join(', ')} once, most critical first; got ${order.join(', ')}`,
    );
  return order.toReversed().map((name) => {
    const stage = stages.find((one) => one.name === name)!;
    return { stage, accuracy: NaN, criticality: NaN };
  });
}

/** Makes the network that has the ReLUs of one stage alone. */
type Form = (
  model: Model,
  others: readonly string[],
  stage: Stage,
  sample: Sample,
  options: DeepreduceOptions,
) => Promise<Model>;

const forms: { readonly [K in CriticalityForm]: Form } = {
  fitted: (model, others, _, sample, { replace }) =>
    usePolynomials(model, allRelusOf(model, others), firstOf(sample, rankImages), replace),
  async trained(model, others, { name }, sample, options) {
    const { deepreduce, replace } = options;
    const alone = await usePolynomials(model, allRelusOf(model, others), sample, replace);
    const epochs = deepreduce?.criticalityEpochs ?? deepreduceDefaults.criticalityEpochs;
    const part = { phase: 'criticality-training', of: name } as const;
    return (await finetune(alone, model, part, { ...unmitigated(options), epochs })).model;
  },
};

/** Removes the options of mitigation, which only the final network needs. */
function unmitigated(options: FineTuningOptions): FineTuningOptions {
  const plain: { -readonly [K in keyof FineTuningOptions]: FineTuningOptions[K] } = { ...options };
  delete plain.mitigation;
  return plain;
}

/**
 * The accuracy with each image counted by its weight. `weights` have a mean of 1 (default: all weights are
 * equal).
 */
export function weightedAccuracy(
  predicted: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: Float64Array,
): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++) if (predicted[i] === labels[i]) sum += weights?.[i] ?? 1;
  return sum / labels.length;
}

/** Enough images to rank stages by. They take 4.5 s of a processor for resnet8. */
const rankImages = 128;

function firstOf({ images, n, ...rest }: Sample, most: number): Sample {
  const count = Math.min(n, most);
  return { ...rest, images: images.subarray(0, (images.length / n) * count), n: count };
}

/** Applies the formula of `criticality` to measured accuracies, and sorts. */
export function rankStages(stages: readonly Stage[], accuracies: readonly number[]): StageCriticality[] {
  const smallest = Math.min(...accuracies);
  return stages
    .map((stage, k) => ({
      stage,
      accuracy: accuracies[k]!,
      criticality: (accuracies[k]! - smallest) / stage.relus ** exponent,
    }))
    .sort((a, b) => a.criticality - b.criticality || b.stage.relus - a.stage.relus);
}
