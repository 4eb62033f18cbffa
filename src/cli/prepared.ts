import { loadDataset, pixels } from '../../models/data/dataset.ts';
import { permutation, seededUniform } from '../../models/data/seeded.ts';
import { forInference } from '../../models/passes/index.ts';
import { prepare } from '../../pipelines/compile.ts';
import type { Prepared } from '../../pipelines/compile.ts';
import type { OnProgress } from '../shared/progress.ts';
import { openModel } from './inputs.ts';

/** Training images on which ranges are measured; always the same ones, so that a model has one plan. */
const calibrationImages = 256;

/** The plan and the integer weights of a model. `data` calibrates its scales. */
export async function preparedModel(name: string, data: string, onProgress: OnProgress): Promise<Prepared> {
  const model = forInference(await openModel(name));
  const dataset = await loadDataset(data, 'train');
  const chosen = permutation(dataset.n, seededUniform(1)).subarray(0, calibrationImages);
  const calibration = { images: pixels(dataset, chosen), n: chosen.length };
  return prepare(model, { calibration, onProgress });
}
