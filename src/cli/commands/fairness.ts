import { InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import { loadDataset, subset } from '../../../models/data/dataset.ts';
import type { Dataset, Split } from '../../../models/data/dataset.ts';
import { groupsCsv } from '../../../models/fairness/csv.ts';
import { groupsOfProduct } from '../../../models/fairness/groups.ts';
import type { Groups } from '../../../models/fairness/groups.ts';
import type { ReportOptions } from '../../../models/fairness/report.ts';
import { compareModels } from '../../../pipelines/fairness.ts';
import type { NamedModel } from '../../../pipelines/fairness.ts';
import { UsageError } from '../../shared/errors.ts';
import { writeFileAtomic } from '../../shared/files.ts';
import { examples, whole } from '../command.ts';
import type { Act, Context } from '../command.ts';
import { describeArithmetic, describeCurvature, describeReport } from '../fairness-text.ts';
import { checkOutput, dataHelp, modelHelp, openModel, shortName } from '../inputs.ts';
import { calibrationOf } from '../prepared.ts';

type Options = {
  readonly data: string;
  readonly split: Split;
  readonly groups?: string;
  readonly positive?: string;
  readonly minGroup: number;
  readonly limit?: number;
  readonly csv?: string;
  readonly private?: boolean;
  readonly k?: number | 'free';
  readonly curvature?: boolean;
  readonly resamples: number;
  readonly seed: number;
};

/** `fairness ORIGINAL REDUCED... --data D`: which groups pay for a reduction. */
export function configure(command: Command, act: Act): void {
  command
    .argument('<original>', modelHelp)
    .argument('<reduced...>', 'one or more reduced models')
    .requiredOption('--data <data>', dataHelp)
    .addOption(new Option('--split <split>', 'which images').choices(['train', 'test']).default('test'))
    .option(
      '--groups <columns>',
      'a column of the data set such as race, or several joined by commas for their combinations; ' +
        "'label' is the class; class labels where left out",
    )
    .option('--positive <class>', 'counts as positive in rates and odds; of two classes the second')
    .option('--min-group <n>', 'groups with fewer images are too small to test', whole(2), 30)
    .option('--limit <n>', 'only the first images', whole(1))
    .option('--csv <file>', 'write a line for each group and model')
    .option('--private', 'also what the cryptography costs each group, without a reduction')
    .option('--k <bits>', 'with --private: low bits left out of sign tests', bits, 'free')
    .option(
      '--curvature',
      "also gradient norms and largest Hessian eigenvalues, and whether the paper's bound ranks the groups as they lose (minutes)",
    )
    .option('--resamples <n>', 'bootstrap resamples behind the 95 % intervals', whole(100, 100_000), 1000)
    .option('--seed <n>', 'of the resamples', whole(0), 1)
    .action(act(run));
  examples(command, [
    'reluctant fairness zoo:fashion-resnet8 reduced.onnx --data fashion-mnist-part',
    'reluctant fairness before.onnx after.onnx --data csv:faces.csv --groups race,gender --csv groups.csv',
    'reluctant fairness before.onnx after.onnx --data fashion-mnist --private --k 14 --limit 500',
    'reluctant fairness before.onnx half.onnx quarter.onnx --data fashion-mnist --json > report.json',
  ]);
}

function bits(text: string): number | 'free' {
  if (text === 'free') return text;
  if (!/^\d+$/.test(text) || Number(text) > 31)
    throw new InvalidArgumentError("Expected 'free' or a whole number from 0 to 31.");
  return Number(text);
}

async function run(context: Context, original: string, reduced: readonly string[], options: Options) {
  const { data, split, limit, csv } = options;
  if (csv !== undefined) checkOutput(csv, '--csv');
  const all = await loadDataset(data, split);
  const dataset = limit === undefined || limit >= all.n ? all : subset(all, [...Array(limit).keys()]);
  const settings = settingsOf(dataset, options);
  const models = await Promise.all([open(original), ...reduced.map(open)]);
  const report = await compareModels(models, dataset, {
    ...settings,
    onProgress: context.onProgress,
  });
  if (csv !== undefined) await writeFileAtomic(csv, groupsCsv(report));
  const extras = await extrasOf(context, models, dataset, settings, options);
  return {
    value: { ...report, ...Object.fromEntries(extras.map(({ key, value }) => [key, value])) },
    text: [describeReport(report), ...extras.map(({ text }) => text)].join('\n\n'),
  };
}

type Extra = { readonly key: string; readonly value: unknown; readonly text: string };

async function extrasOf(
  context: Context,
  models: readonly NamedModel[],
  dataset: Dataset,
  settings: Settings,
  options: Options,
): Promise<Extra[]> {
  const extras: Extra[] = [];
  if (options.private === true) {
    const value = await arithmeticOf(context, models, dataset, settings, options);
    extras.push({ key: 'private', value, text: value.map(describeArithmetic).join('\n\n') });
  }
  if (options.curvature === true) {
    const { curvatureReport } = await import('../../../pipelines/fairness-curvature.ts');
    const { onProgress } = context;
    const value = await curvatureReport(models, dataset, { ...settings, onProgress });
    extras.push({ key: 'curvature', value, text: describeCurvature(value) });
  }
  return extras;
}

async function open(name: string): Promise<NamedModel> {
  return { name: shortName(name), model: await openModel(name) };
}

type Settings = ReportOptions & { readonly groups?: Groups };

function settingsOf(dataset: Dataset, { groups, positive, minGroup, resamples, seed }: Options): Settings {
  const positiveClass = positiveOf(dataset, positive);
  return {
    ...(groups !== undefined && { groups: groupsOf(dataset, groups) }),
    ...(positiveClass !== undefined && { positive: positiveClass }),
    minGroup,
    resamples,
    seed,
  };
}

function groupsOf(dataset: Dataset, spec: string): Groups {
  const columns = dataset.groups ?? {};
  return groupsOfProduct(
    spec.split(',').map((column) => {
      if (Object.hasOwn(columns, column)) return columns[column]!;
      if (column === 'label') return Array.from(dataset.labels, (label) => dataset.classes[label]!);
      const known = ['label', ...Object.keys(columns)].join(', ');
      throw new UsageError(`--groups ${column}: ${dataset.name} has no such column; it has ${known}`);
    }),
  );
}

function positiveOf({ classes, name }: Dataset, positive: string | undefined): number | undefined {
  if (positive === undefined) return classes.length === 2 ? 1 : undefined;
  const found = classes.indexOf(positive);
  if (found >= 0) return found;
  throw new UsageError(`--positive ${positive}: ${name} has no such class; it has ${classes.join(', ')}`);
}

async function arithmeticOf(
  { onProgress }: Context,
  models: readonly NamedModel[],
  dataset: Dataset,
  settings: Settings,
  { data, k = 'free' }: Options,
) {
  const { compareArithmetic } = await import('../../../pipelines/fairness-private.ts');
  const calibration = await calibrationOf(data);
  const reports = [];
  for (const named of models) {
    const report = await compareArithmetic(named, dataset, { ...settings, calibration, k, onProgress });
    reports.push({ model: named.name, k, ...report });
  }
  return reports;
}
