import { activationKinds } from '../models/graph.ts';
import type { Model } from '../models/graph.ts';
import { fit } from '../models/train/fit.ts';
import type { FitOptions, FitResult } from '../models/train/fit.ts';
import { adamW } from '../models/train/optimizers.ts';
import { silent } from '../src/shared/progress.ts';
import type { ReductionOptions } from './reduction.ts';

/** AutoReP's and, as far as is known, DeepReDuce's: [papers.md] A.1 and B.1. */
const distillation = { temperature: 4, weight: 1 };

type Recipe = Pick<FitOptions, 'learningRate' | 'optimizer'>;

/**
 * Networks of ReLUs and identities take SGD. With polynomials it diverges, as their coefficients' gradients are sums over all places
 * of a channel; AdamW, AutoReP's choice, measures a step by each number's own gradients. ResNet8 on 3,200 images of Fashion-MNIST
 * with 27,632 of the first stage's ReLUs polynomials and the other stages culled (77.6 % before the polynomials, 56.7 % with
 * them), after one epoch: SGD at 0.005 37.1 %, at 0.001 75.9 %, AdamW at 0.001 75.6 %, at 0.0003 74.8 %. With the
 * later stages' 18,816 ReLUs polynomials (85.0 % untrained): AdamW at 0.001 91.1 %, the original 90.5 %.
 */
export const recipes = {
  identities: { learningRate: 0.02 },
  polynomials: { learningRate: 0.001, optimizer: adamW({ weightDecay: 5e-4 }) },
} as const satisfies Record<string, Recipe>;

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
    learningRate,
    seed,
    augment = true,
    threads,
    onProgress = silent,
  }: ReductionOptions,
): Promise<FitResult> {
  return fit(model, {
    ...(hasPolynomials(model) ? recipes.polynomials : recipes.identities),
    ...(learningRate !== undefined && { learningRate }),
    train,
    validation,
    teacher,
    distill: distillation,
    epochs,
    batch: Math.min(batch, train.n),
    augment,
    seed,
    ...(threads !== undefined && { threads }),
    onProgress: (event) => onProgress({ ...event, label: `${label}, ${event.label}` }),
  });
}

function hasPolynomials(model: Model): boolean {
  return model.graph.nodes.some(
    (node) => node.op === 'MixedActivation' && node.attributes.kinds.includes(activationKinds.poly),
  );
}
