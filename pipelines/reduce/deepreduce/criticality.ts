import { sessionSetting } from '../../../models/runtime/device.ts';
import type { Model } from '../../../models/graph.ts';
import type { Stage } from '../../../models/analysis/inspect.ts';
import { predictClasses } from '../../../models/train/evaluate.ts';
import { silent } from '../../../src/shared/progress.ts';
import type { Sample } from '../polynomials/moments.ts';
import { finetune } from '../finetune.ts';
import type { FineTuningOptions } from '../finetune.ts';
import { selectionWeights } from '../mitigation/fair-select.ts';
import { allRelusOf, usePolynomials } from '../polynomials/replace.ts';
import type { OwnSettings, Selecting } from '../reduction.ts';
import { deepreduceDefaults } from './settings.ts';
import type { CriticalityForm } from './settings.ts';

/** What DeepReDuce is told, and DeepReShape of the given network's stages. */
export type DeepreduceOptions = FineTuningOptions & Selecting & Pick<OwnSettings, 'deepreduce'>;

export type StageCriticality = {
  readonly stage: Stage;
  /** On the validation images, with this stage's ReLUs alone, weighted where groups count; NaN where the network has one stage. */
  readonly accuracy: number;
  /** C_k; larger is more critical. */
  readonly criticality: number;
};

/** MnasNet's exponent (Tan et al., CVPR 2019), which weighs accuracy against cost in the same way. */
const exponent = 0.07;

/**
 * How much each stage's ReLUs matter, least critical first. The network keeps the ReLUs of stage k alone, has
 * others for the others', and gives Acc_k on the validation images:
 *
 *     C_k = (Acc_k - Acc_min) / ReLUs_k^0.07,    Acc_min the smallest of the Acc_k
 *
 * A reconstruction of the criticality of DeepReDuce (Jha, Ghodsi, Garg, Reagen, ICML 2021): the offset of its
 * numerator is not known to us. Of two equal stages the one with more ReLUs is less critical. `trained` is
 * the paper's form: what ReLUs become here anyway (identities there) and a training of each network. `fitted`
 * has polynomials for the others and no training. They tell the stages apart as well: resnet8 on 580 images
 * of Fashion-MNIST has 90.7 % with the ReLUs of S1 alone, 82.9 % with S2's, 81.4 % with S3's. Two epochs at
 * 14,112 ReLUs agree: 91.9 % with all of them in S1, 90.2 % with all of them in S2 and S3 (the paper's nets,
 * without a ReLU in the stem, lose S1 first).
 */
export async function criticality(
  model: Model,
  stages: readonly Stage[],
  sample: Sample,
  options: DeepreduceOptions,
): Promise<StageCriticality[]> {
  const { validation, onProgress = silent } = options;
  const ranked = stages.filter((stage) => stage.relus > 0);
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

/** The network without the ReLUs of the other stages. */
type Form = (
  model: Model,
  others: readonly string[],
  stage: Stage,
  sample: Sample,
  options: DeepreduceOptions,
) => Promise<Model>;

const forms: { readonly [K in CriticalityForm]: Form } = {
  fitted: (model, others, _, sample) =>
    usePolynomials(model, allRelusOf(model, others), firstOf(sample, rankImages)),
  async trained(model, others, { name }, sample, options) {
    const { deepreduce, replace } = options;
    const alone = await usePolynomials(model, allRelusOf(model, others), sample, replace);
    const epochs = deepreduce?.criticalityEpochs ?? deepreduceDefaults.criticalityEpochs;
    const part = { phase: 'criticality-training', of: name } as const;
    return (await finetune(alone, model, part, { ...unmitigated(options), epochs })).model;
  },
};

/** Who pays is decided once it is decided what is kept. */
function unmitigated(options: FineTuningOptions): FineTuningOptions {
  const plain: { -readonly [K in keyof FineTuningOptions]: FineTuningOptions[K] } = { ...options };
  delete plain.mitigation;
  return plain;
}

/** `weights` have a mean of 1; all the same where left out. */
export function weightedAccuracy(
  predicted: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: Float64Array,
): number {
  let sum = 0;
  for (let i = 0; i < labels.length; i++) if (predicted[i] === labels[i]) sum += weights?.[i] ?? 1;
  return sum / labels.length;
}

/** Enough to rank stages by, in 4.5 s of a processor for resnet8. */
const rankImages = 128;

function firstOf({ images, n, ...rest }: Sample, most: number): Sample {
  const count = Math.min(n, most);
  return { ...rest, images: images.subarray(0, (images.length / n) * count), n: count };
}

/** The formula alone. */
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
