import { DataError } from '../../src/shared/errors.ts';
import type { Model } from '../graph.ts';
import type { Dataset } from './dataset.ts';
import { resizing } from './images/image-target.ts';
import { matchClasses } from './match-classes.ts';

/**
 * The data set with labels that are the numbers of the network's logits: see `matchClasses`. Throws DataError
 * if the network cannot take the images, or if it would be a guess which class is which logit.
 */
export function fitted(model: Pick<Model, 'graph'>, dataset: Dataset): Dataset {
  checkInput(model, dataset);
  return matchClasses(model, dataset).dataset;
}

/** Throws DataError if the network cannot take the images. */
export function checkInput({ graph }: Pick<Model, 'graph'>, dataset: Dataset): void {
  const input = graph.inputs[0]?.shape ?? [];
  if (dataset.shape.join() === input.join()) return;
  throw new DataError(
    `${dataset.name}: its images are [${dataset.shape.join(', ')}], ` +
      `but ${graph.name} takes [${input.join(', ')}]${resizing(input)}`,
  );
}
