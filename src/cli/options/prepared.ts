import { loadDataset } from '../../../models/data/dataset.ts';
import { loadModel } from '../../../models/files/read.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import type { OnProgress } from '../../shared/progress.ts';

/** The plan and the integer weights of a model. The training images of `data` calibrate its scales. */
export async function preparedModel(
  name: string,
  data: string,
  onProgress: OnProgress,
  options: Partial<CompileOptions> = {},
): Promise<Prepared> {
  const model = await loadModel(name);
  return prepare(model, { ...options, calibration: await loadDataset(data, 'train'), onProgress });
}
