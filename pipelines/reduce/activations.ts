import { inspect } from '../../models/analysis/inspect.ts';
import { activationKinds } from '../../models/graph.ts';
import type { Model } from '../../models/graph.ts';
import { replaceActivation } from '../../models/passes/replace-relu.ts';
import { sizeOf } from '../../models/tensor.ts';
import { asPieces, curvedActivations } from '../../models/passes/curved-activations.ts';
import { UsageError } from '../../src/shared/errors.ts';
import { finetune } from './finetune.ts';
import type { FineTuningOptions } from './finetune.ts';
import { allRelusOf, usePolynomials } from './polynomials/replace.ts';
import { trainingSample } from './polynomials/training-sample.ts';

/** What takes the place of activations that the protocol does not have. */
export const activationForms = ['relu', 'quadratic'] as const;
export type ActivationForm = (typeof activationForms)[number];

/**
 * Replaces sigmoids, tanh, swishes and their like with the nearest straight pieces or with polynomials that
 * are fitted to what they compute, and trains the network on labels and on its own logits before. Throws
 * UsageError if it has none of them.
 */
export async function replaceActivations(
  model: Model,
  form: ActivationForm,
  options: FineTuningOptions,
): Promise<Model> {
  const layers = curvedActivations(model);
  if (layers.length === 0)
    throw new UsageError('activations: the network has none that need replacing; leave this option out');
  const replaced =
    form === 'relu'
      ? asPieces(model)
      : await usePolynomials(model, allRelusOf(model, layers), trainingSample(options));
  const { model: tuned } = await finetune(replaced, model, { phase: 'activation-training' }, options);
  return tuned;
}

/** The network of `replaceActivations` without its training and coefficients, whose ReLUs can be counted. */
export function withForm(model: Model, form: ActivationForm | undefined): Model {
  if (form === undefined) return model;
  if (form === 'relu') return asPieces(model);
  const sizes = new Map(inspect(model).layers.map((layer) => [layer.name, layer.output_shape]));
  return curvedActivations(model).reduce((replaced, name) => {
    const shape = sizes.get(name)!;
    const [c2, c1, c0] = [0, 1, 2].map(() => new Float32Array(shape[0]!)) as [Row, Row, Row];
    const kinds = new Uint8Array(sizeOf(shape)).fill(activationKinds.poly);
    return replaceActivation(replaced, name, { kinds, c2, c1, c0 });
  }, model);
}

type Row = Float32Array;
