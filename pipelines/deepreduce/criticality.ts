import { subset } from '../../models/data/dataset.ts';
import { permutation, seededUniform } from '../../models/data/seeded.ts';
import type { Model } from '../../models/graph.ts';
import { stagesOf } from '../../models/inspect.ts';
import type { Stage } from '../../models/inspect.ts';
import { dropRelus } from '../../models/passes/drop-relu.ts';
import { finetune, recipes } from '../finetune.ts';
import type { ReductionOptions } from '../reduction.ts';

export type CriticalityOptions = ReductionOptions & {
  /** Passes of the short fine-tuning of each stage; 1 where left out. */
  readonly criticalityEpochs?: number;
  /** Training images it uses, chosen by the seed; all of them where left out. */
  readonly criticalityImages?: number;
};

export type StageCriticality = {
  readonly stage: Stage;
  /** On the validation images, with this stage's ReLUs alone; NaN where the network has one stage. */
  readonly accuracy: number;
  /** C_k; larger is more critical. */
  readonly criticality: number;
};

/** MnasNet's kind of exponent, [BG] in papers.md A.1. */
const exponent = 0.07;

/**
 * How much each stage's ReLUs matter, least critical first. The network keeps the ReLUs of stage k alone, is fine-tuned shortly
 * with distillation from the original, and gives Acc_k on the validation images:
 *
 *     C_k = (Acc_k - Acc_min) / ReLUs_k^0.07,    Acc_min the smallest of the Acc_k
 *
 * Reconstructed ([BG], [papers.md] A.1): the paper's own offset in the numerator is not known. Of equal stages the one with more
 * ReLUs is less critical.
 */
export async function criticality(model: Model, options: CriticalityOptions): Promise<StageCriticality[]> {
  const stages = stagesOf(model).filter((stage) => stage.relus > 0);
  if (stages.length === 1) return stages.map((stage) => ({ stage, accuracy: NaN, criticality: 0 }));
  const short = {
    ...options,
    train: sampleOf(options),
    epochs: options.criticalityEpochs ?? 1,
    learningRate: recipes.identities.learningRate,
  };
  const accuracies: number[] = [];
  for (const stage of stages) {
    const others = stages.filter((other) => other !== stage).flatMap((other) => other.nodes);
    const label = `criticality of ${stage.name}`;
    const { best } = await finetune(dropRelus(model, others), model, label, short);
    accuracies.push(best.validationAccuracy);
  }
  return rankStages(stages, accuracies);
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

function sampleOf({
  train,
  criticalityImages = train.n,
  seed,
}: CriticalityOptions): ReductionOptions['train'] {
  if (criticalityImages >= train.n) return train;
  return subset(train, permutation(train.n, seededUniform(seed)).slice(0, criticalityImages));
}
