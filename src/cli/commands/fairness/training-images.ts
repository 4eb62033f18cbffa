import type { Dataset } from '../../../../models/data/dataset.ts';
import type { Model } from '../../../../models/graph.ts';
import { silent } from '../../../shared/progress.ts';
import { dataFor } from '../../options/described.ts';

/** The training images of data whose test images a command has told of already, without telling it again. */
export function trainingImages(model: Model, data: string): Promise<Dataset> {
  return dataFor({ say: () => undefined, onProgress: silent }, model, data, 'train');
}
