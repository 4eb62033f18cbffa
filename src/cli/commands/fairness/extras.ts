import { loadDataset } from '../../../../models/data/dataset.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { groupsBySpec } from '../../../../models/fairness/group-spec.ts';
import type { ReportOptions } from '../../../../models/fairness/report.ts';
import type { NamedModel } from '../../../../pipelines/fairness/compare.ts';
import type { Context } from '../../options/command.ts';
import type { Options } from './options.ts';
import { describeArithmetic, describeCurvature } from './text.ts';

/** A part of the report that a flag adds. */
export type Extra = { readonly key: string; readonly value: unknown; readonly text: string };

/** The parts of `--private` and `--curvature`. */
export async function extrasOf(
  context: Context,
  models: readonly NamedModel[],
  dataset: Dataset,
  settings: ReportOptions,
  options: Options,
): Promise<Extra[]> {
  const extras: Extra[] = [];
  if (options.private === true) {
    const value = await arithmeticOf(context, models, dataset, settings, options);
    extras.push({ key: 'private', value, text: value.map(describeArithmetic).join('\n\n') });
  }
  if (options.curvature === true) {
    const { curvatureReport } = await import('../../../../pipelines/fairness/curvature.ts');
    const { onProgress } = context;
    const groups = groupsBySpec(dataset, options.groups ?? 'label');
    const value = await curvatureReport(models, dataset, { ...settings, groups, onProgress });
    extras.push({ key: 'curvature', value, text: describeCurvature(value) });
  }
  return extras;
}

async function arithmeticOf(
  { onProgress }: Context,
  models: readonly NamedModel[],
  dataset: Dataset,
  settings: ReportOptions,
  { data, k = 'free', groups: spec = 'label' }: Options,
) {
  const groups = groupsBySpec(dataset, spec);
  const { compareArithmetic } = await import('../../../../pipelines/fairness/arithmetic.ts');
  const calibration = await loadDataset(data, 'train');
  const reports = [];
  for (const named of models) {
    const report = await compareArithmetic(named, dataset, {
      ...settings,
      groups,
      calibration,
      k,
      onProgress,
    });
    reports.push({ model: named.name, k, ...report });
  }
  return reports;
}
