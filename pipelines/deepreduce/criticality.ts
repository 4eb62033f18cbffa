import type { Model } from '../../models/graph.ts';
import { stagesOf } from '../../models/inspect.ts';
import type { Stage } from '../../models/inspect.ts';
import { predictClasses } from '../../models/train/evaluate.ts';
import { silent } from '../../src/shared/progress.ts';
import type { Sample } from '../activation-moments.ts';
import { selectionWeights } from '../mitigation/fair-select.ts';
import { relusOf, usePolynomials } from '../polynomials.ts';
import type { ReductionOptions } from '../reduction.ts';

export type StageCriticality = {
  readonly stage: Stage;
  /** On the validation images, with this stage's ReLUs alone, weighted where groups count; NaN where the network has one stage. */
  readonly accuracy: number;
  /** C_k; larger is more critical. */
  readonly criticality: number;
};

/** MnasNet's kind of exponent, [BG] in papers.md A.1. */
const exponent = 0.07;

/**
 * How much each stage's ReLUs matter, least critical first. The network keeps the ReLUs of stage k alone, has polynomials for the
 * others, and gives Acc_k on the validation images:
 *
 *     C_k = (Acc_k - Acc_min) / ReLUs_k^0.07,    Acc_min the smallest of the Acc_k
 *
 * Reconstructed ([BG], [papers.md] A.1): the paper's own offset in the numerator is not known. Of equal stages the one with more
 * ReLUs is less critical. The paper has identities for the others and trains each network. Polynomials are what culled ReLUs
 * become here, and fitted ones tell the stages apart untrained: resnet8 on 580 images of Fashion-MNIST has 90.7 % with the ReLUs
 * of S1 alone, 82.9 % with S2's, 81.4 % with S3's. Two epochs at 14,112 ReLUs agree: 91.9 % with all of them in S1, 90.2 % with
 * all of them in S2 and S3 (the paper's nets, without a ReLU in the stem, lose S1 first).
 */
export async function criticality(
  model: Model,
  sample: Sample,
  options: ReductionOptions,
): Promise<StageCriticality[]> {
  const { validation, threads, onProgress = silent } = options;
  const stages = stagesOf(model).filter((stage) => stage.relus > 0);
  const few = firstOf(sample, rankImages);
  if (stages.length === 1) return stages.map((stage) => ({ stage, accuracy: NaN, criticality: 0 }));
  const weights = await selectionWeights(model, validation, options);
  const accuracies: number[] = [];
  for (const stage of stages) {
    onProgress({ label: `criticality of ${stage.name}`, done: accuracies.length, total: stages.length });
    const others = stages.filter((other) => other !== stage);
    const alone = await usePolynomials(model, relusOf(model, nodesOf(others)), few);
    const setting = threads === undefined ? {} : { threads };
    const predicted = await predictClasses(alone, validation, validation.n, setting);
    accuracies.push(weightedAccuracy(predicted, validation.labels, weights));
  }
  return rankStages(stages, accuracies);
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

function nodesOf(stages: readonly Stage[]): string[] {
  return stages.flatMap((stage) => stage.nodes);
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
