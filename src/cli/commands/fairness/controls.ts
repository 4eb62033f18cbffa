import type { Model } from '../../../../models/graph.ts';
import { DataError } from '../../../shared/errors.ts';
import { silent } from '../../../shared/progress.ts';
import { dataFor } from '../../options/describe.ts';

const quietly = { say: () => undefined, onProgress: silent };

/** The share of each class in the training images. Throws DataError if a class has none. */
export async function classSharesOf(model: Model, data: string): Promise<number[]> {
  const { labels, classes, n, name } = await dataFor(quietly, model, data, 'train');
  const counts = classes.map(() => 0);
  labels.forEach((label) => counts[label]!++);
  const empty = counts.indexOf(0);
  if (empty >= 0)
    throw new DataError(`--adjust: ${name} has no training image of ${classes[empty]}; leave --adjust out`);
  return counts.map((count) => count / n);
}
