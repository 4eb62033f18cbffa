import { pixels } from '../../../../models/data/dataset.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { seededRng } from '../../../../models/data/seeded.ts';
import { splitValidation } from '../../../../models/data/splits.ts';
import type { Model } from '../../../../models/graph.ts';
import { trainingDefaults } from '../../../../models/train/train-architecture.ts';
import { circa } from '../../../../pipelines/circa/circa.ts';
import type { CircaResult } from '../../../../pipelines/circa/circa.ts';
import { prepare } from '../../../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../../../pipelines/compile/served-plan.ts';
import type { CircaSetting, JobSpec } from '../../../../pipelines/pareto/job.ts';
import { describeJob } from '../../../../pipelines/pareto/series.ts';
import { withWindows } from '../../../../pipelines/plan/windows.ts';
import type { PredictedCost } from '../../../../pipelines/reduce/reduction.ts';
import { chooseBits, withBits } from '../../../../pipelines/simulate/choose-bits.ts';
import type { Bits } from '../../../../pipelines/simulate/bits-in-order.ts';
import * as format from '../../../shared/format.ts';
import type { OnProgress } from '../../../shared/progress.ts';

export type JobPlanOptions = {
  readonly spec: JobSpec;
  /** The bits with which the reduction counted its budget, if an agreement chose them. */
  readonly counted: PredictedCost['bits'] | undefined;
  readonly train: Dataset;
  readonly onProgress: OnProgress;
  /** Prints a line for people. */
  readonly say: (line: string) => void;
};

export type JobPlan = {
  readonly prepared: Prepared;
  /** The bits that the agreement chose; null for the compiler's. */
  readonly bits: Bits | null;
  readonly windows: CircaResult | null;
};

/**
 * A network's plan as serve would have it, with the bits that the job's agreement chooses on training images
 * and then the windows that are found on held-out ones. Throws PlanError if no bits reach the agreement.
 */
export async function planOfJob(model: Model, options: JobPlanOptions): Promise<JobPlan> {
  const { spec, train, onProgress, say } = options;
  const compiled = await prepare(model, { calibration: train, onProgress });
  compiled.calibration.warnings.forEach((warning) => say(`${describeJob(spec)}: ${warning}`));
  const bits = spec.agreement === null ? null : await bitsOf(compiled, spec.agreement, options);
  const prepared = bits === null ? compiled : withBits(compiled, bits);
  if (spec.circa === null) return { prepared, bits, windows: null };
  const windows = await windowsOf(prepared, spec.circa, options);
  return { prepared: { ...prepared, plan: withWindows(prepared.plan, windows.windows) }, bits, windows };
}

/**
 * The bits that a budget was counted with stay, because with others it may not be met. Where windows are
 * searched, sign tests are left to that search.
 */
async function bitsOf(
  prepared: Prepared,
  wanted: number,
  { spec, counted, train, onProgress, say }: JobPlanOptions,
): Promise<Bits> {
  const warn = (text: string) => say(`${describeJob(spec)}: ${text}`);
  if (counted === undefined) {
    const byLayer = spec.circa === null;
    const { bits, warning } = await chooseBits(prepared, train, wanted, { byLayer, onProgress });
    if (warning !== undefined) warn(warning);
    return bits;
  }
  const { activationBits, weightBits, agree, images, isShown } = counted;
  const found = `${format.count(agree)} of ${format.count(images)} labels are the network's own`;
  if (!isShown) warn(`${found} with the bits of the budget, fewer than the agreement that was asked for`);
  return { activationBits, weightBits };
}

/** The windows of the fewer bytes online, of both modes. */
async function windowsOf(
  prepared: Prepared,
  { tolerance, searchImages }: CircaSetting,
  { spec, train, onProgress }: JobPlanOptions,
): Promise<CircaResult> {
  const held = splitValidation(train, trainingDefaults.validationFraction).validation;
  const n = Math.min(held.n, searchImages);
  const first = Array.from({ length: n }, (_, i) => i);
  const search = { images: pixels(held, first), labels: held.labels.subarray(0, n), n };
  const { results } = await circa(prepared, {
    toleratedFraction: tolerance,
    modes: ['posZero', 'negPass'],
    ...{ search, test: search },
    rng: seededRng(spec.seed),
    onProgress,
  });
  return results.reduce((a, b) => (b.onlineBytes < a.onlineBytes ? b : a));
}
