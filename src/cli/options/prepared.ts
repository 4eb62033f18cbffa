import { loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { defined } from '../../shared/defined.ts';
import * as format from '../../shared/format.ts';
import type { Context } from './command.ts';
import { loadDescribed } from './describe.ts';
import type { DescribeFlags } from './describe.ts';

/**
 * The plan and the integer weights of a model, with what `flags` say of it. The training images of `data`
 * calibrate its scales; what makes them doubtful is said as warnings.
 */
export async function preparedModel(
  name: string,
  data: string,
  context: Pick<Context, 'onProgress' | 'warn'>,
  options: Partial<CompileOptions> = {},
  flags: DescribeFlags = {},
): Promise<Prepared> {
  return preparedOn(await calibrationImages(name, data, flags), name, data, context, options, flags);
}

/** The training images of `data`, scaled as the model wants them. */
export async function calibrationImages(name: string, data: string, flags: DescribeFlags): Promise<Dataset> {
  const { resize } = (await loadDescribed(name, flags)).graph.preprocessing ?? {};
  return loadDataset(data, 'train', defined({ resize }));
}

/** `preparedModel`, where the training images of `data` are at hand. */
export async function preparedOn(
  calibration: Dataset,
  name: string,
  data: string,
  { onProgress, warn }: Pick<Context, 'onProgress' | 'warn'>,
  options: Partial<CompileOptions>,
  flags: DescribeFlags = {},
): Promise<Prepared> {
  const model = await loadDescribed(name, flags);
  const prepared = await prepare(model, { ...options, calibration, onProgress });
  prepared.calibration.warnings.forEach((warning) => warn(`${name}, calibrated on ${data}: ${warning}`));
  return prepared;
}

/** What calibrated a plan, for --json. */
export function calibrationValue(data: string, { calibration }: Pick<Prepared, 'calibration'>) {
  return { data, ...calibration };
}

/** '256 training images of fashion-mnist-part' */
export function calibrationText(
  data: string,
  { calibration: { images } }: Pick<Prepared, 'calibration'>,
): string {
  return `${format.count(images)} training ${images === 1 ? 'image' : 'images'} of ${data}`;
}
