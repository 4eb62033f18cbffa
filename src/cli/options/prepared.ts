import { loadDataset, pixels } from '../../../models/data/dataset.ts';
import { permutation, seededUniform } from '../../../models/data/seeded.ts';
import { prepare } from '../../../pipelines/compile/compile.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import type { Calibration, Prepared } from '../../../pipelines/compile/compile.ts';
import { privateForm } from '../../../pipelines/compile/private-form.ts';
import type { OnProgress } from '../../shared/progress.ts';
import { openModel } from './inputs.ts';

/** Training images on which ranges are measured; always the same ones, so that a model has one plan. */
const calibrationImages = 256;

/** The plan and the integer weights of a model. `data` calibrates its scales. */
export async function preparedModel(
  name: string,
  data: string,
  onProgress: OnProgress,
  options: Partial<CompileOptions> = {},
): Promise<Prepared> {
  const model = privateForm(await openModel(name));
  return prepare(model, { calibration: await calibrationOf(data), onProgress, ...options });
}

/** The training images of a data set that calibrate a model's scales. */
export async function calibrationOf(data: string): Promise<Calibration> {
  const dataset = await loadDataset(data, 'train');
  const chosen = permutation(dataset.n, seededUniform(1)).subarray(0, calibrationImages);
  return { images: pixels(dataset, chosen), n: chosen.length };
}
