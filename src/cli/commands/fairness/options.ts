import { InvalidArgumentError } from 'commander';
import type { Dataset, Split } from '../../../../models/data/dataset.ts';
import type { ReportOptions } from '../../../../models/fairness/report.ts';
import type { ThresholdGoal } from '../../../../models/fairness/threshold.ts';
import type { DeviceChoice } from '../../../../models/runtime/device.ts';
import { defined } from '../../../shared/defined.ts';
import { UsageError } from '../../../shared/errors.ts';
import { fraction } from '../../options/command.ts';
import type { DescribeFlags } from '../../options/describe.ts';

/** The flags of `fairness`. */
export type Options = DescribeFlags & {
  readonly data: string;
  readonly split: Split;
  readonly groups?: string;
  readonly positive?: string;
  readonly minGroup: number;
  readonly maxWidth: number;
  readonly limit?: number;
  readonly csv?: string;
  readonly private?: boolean;
  readonly k?: number | 'free';
  readonly curvature?: boolean;
  readonly report?: string;
  readonly card?: string;
  readonly adjust?: boolean;
  readonly threshold?: ThresholdGoal;
  readonly device: DeviceChoice;
  /** The program's version. */
  readonly version: string;
  readonly resamples: number;
  readonly confidence: number;
  readonly seed: number;
};

export function below1(text: string): number {
  const value = fraction(text);
  if (value === 1) throw new InvalidArgumentError('Expected a number above zero and below one.');
  return value;
}

export function bits(text: string): number | 'free' {
  if (text === 'free') return text;
  if (!/^\d+$/.test(text) || Number(text) > 31)
    throw new InvalidArgumentError("Expected 'free' or a whole number from 0 to 31.");
  return Number(text);
}

/** The settings of the report that flags give. Throws UsageError for a positive class that there is not. */
export function settingsOf(
  dataset: Dataset,
  { positive, minGroup, maxWidth, resamples, confidence, seed }: Options,
): ReportOptions {
  const positiveClass = positiveOf(dataset, positive);
  return {
    ...defined({ positive: positiveClass }),
    minGroup,
    maxWidth,
    resamples,
    confidence,
    seed,
  };
}

function positiveOf({ classes, name }: Dataset, positive: string | undefined): number | undefined {
  if (positive === undefined) return classes.length === 2 ? 1 : undefined;
  const found = classes.indexOf(positive);
  if (found >= 0) return found;
  throw new UsageError(`--positive ${positive}: ${name} has no such class; it has ${classes.join(', ')}`);
}
