import { defined } from '../../src/shared/defined.ts';
import { UsageError } from '../../src/shared/errors.ts';
import type { Model } from '../graph.ts';
import { normalisations, preprocessingOf } from '../preprocessing.ts';
import type { Normalisation, NormalisationName } from '../preprocessing.ts';
import { sizeOf } from '../tensor.ts';

/** What a model's file may not say. */
export type ModelDescription = {
  /** What its training images were normalised with: a preset, or mean and deviation of pixels in [0, 1]. */
  readonly normalise?: NormalisationName | Normalisation;
  /** The length to which a picture's shorter side is scaled before its centre is cropped. */
  readonly resize?: number;
  /** The names of its classes, in the order of the logits. */
  readonly classes?: readonly string[];
};

/**
 * The same network with another description; what is left out stays as it was. `saveModel` keeps it in the
 * file, and `prepare` in the plan. Throws UsageError for numbers or names that do not fit the network.
 */
export function describeModel(model: Model, { normalise, resize, classes }: ModelDescription): Model {
  const { graph } = model;
  const known = graph.preprocessing;
  const numbers = typeof normalise === 'string' ? normalisations[normalise] : (normalise ?? known);
  const side = resize ?? known?.resize;
  const preprocessing =
    numbers === undefined && side === undefined
      ? undefined
      : preprocessingOf(graph.inputs[0]!.shape, {
          ...(numbers ?? normalisations.unit),
          ...defined({ resize: side }),
        });
  if (classes !== undefined) checkNames(classes, sizeOf(graph.outputs[0]!.shape));
  return { ...model, graph: { ...graph, ...defined({ preprocessing, classes }) } };
}

function checkNames(names: readonly string[], logits: number): void {
  const twice = names.find((name, i) => name === '' || names.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`classes: '${twice}' is empty or there twice`);
  if (names.length !== logits)
    throw new UsageError(`classes: expected ${logits} names, one for each logit, got ${names.length}`);
}
