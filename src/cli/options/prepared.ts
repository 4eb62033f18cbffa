import { loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset } from '../../../models/data/dataset.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { testedLayers } from '../../../pipelines/plan/windows.ts';
import { chooseBits, withBits } from '../../../pipelines/simulate/choose-bits.ts';
import type { ChosenBits } from '../../../pipelines/simulate/choose-bits.ts';
import { defined } from '../../shared/defined.ts';
import * as format from '../../shared/format.ts';
import { bitsFlags, bitsValue } from '../output/bits-words.ts';
import type { Context } from './command.ts';
import type { PlanOptions } from './compile.ts';
import { loadDescribed } from './described.ts';
import type { DescribeFlags } from './describe.ts';

/**
 * The plan and the integer weights of a model, with what `flags` say of it. The training images of `data`
 * calibrate its scales; what makes them doubtful is said as warnings.
 */
export async function preparedModel(
  name: string,
  data: string,
  context: Pick<Context, 'onProgress' | 'warn'>,
  options: PlanOptions = {},
  flags: DescribeFlags = {},
): Promise<PreparedModel> {
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
  { agreement, ...options }: PlanOptions,
  flags: DescribeFlags = {},
): Promise<PreparedModel> {
  const model = await loadDescribed(name, flags);
  const prepared = await prepare(model, { ...options, calibration, onProgress });
  prepared.calibration.warnings.forEach((warning) => warn(`${name}, calibrated on ${data}: ${warning}`));
  const absent = absentLayers(prepared, options);
  if (absent !== undefined) warn(`${name}: ${absent}`);
  if (agreement === undefined) return prepared;
  const chosen = await chooseBits(prepared, calibration, agreement, { compileOptions: options, onProgress });
  if (chosen.warning !== undefined) warn(`${name}: ${chosen.warning}`);
  return { ...withBits(prepared, chosen.bits, options), chosen };
}

/** Says which of the layers that --left-out or --circa names the plan does not have, if there are any. */
function absentLayers({ plan }: Prepared, { leftOut = {}, k }: PlanOptions): string | undefined {
  const tested = testedLayers(plan).map(({ node }) => node);
  const named = Object.keys({ ...leftOut, ...(typeof k === 'object' && k) });
  const absent = named.filter((layer) => !tested.includes(layer));
  if (absent.length === 0) return undefined;
  return `--left-out or --circa names ${absent.join(', ')}; the layers with sign tests are ${tested.join(', ')}`;
}

/** A prepared model, and how --agreement chose its bits. */
export type PreparedModel = Prepared & { readonly chosen?: ChosenBits };

/** '--activation-bits 5 --weight-bits 10, 7.04 MB an answer: 598 of 598 labels are ...' */
export function chosenText({ bits, found: { bytes, agree, images }, wanted }: ChosenBits): string {
  return (
    `${bitsFlags(bits)}, ${format.bytes(bytes)} an answer: ` +
    `${format.count(agree)} of ${format.count(images)} labels are the model's, ${format.percent(wanted)} wanted`
  );
}

/** How --agreement chose, for --json. */
export function chosenValue({ bits, wanted, tried, warning }: ChosenBits) {
  return { bits: bitsValue(bits), wanted, tried: tried.map(bitsValue), ...defined({ warning }) };
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
