import { Option } from 'commander';
import type { Command } from 'commander';
import { loadDataset } from '../../../models/data/dataset.ts';
import type { Dataset, Split } from '../../../models/data/dataset.ts';
import { groupsOfColumn } from '../../../models/fairness/groups.ts';
import type { Groups } from '../../../models/fairness/groups.ts';
import type { FairnessReport } from '../../../models/fairness/report.ts';
import { compareModels } from '../../../pipelines/fairness.ts';
import type { NamedModel } from '../../../pipelines/fairness.ts';
import { UsageError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { examples, whole } from '../command.ts';
import type { Act, Context } from '../command.ts';
import { dataHelp, modelHelp, openModel, shortName } from '../inputs.ts';
import { table } from '../output.ts';

type Options = {
  readonly data: string;
  readonly split: Split;
  readonly groups?: string;
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
    .option('--groups <column>', 'a column of the data set, such as race; class labels where left out')
    .option('--resamples <n>', 'bootstrap resamples behind the 95 % intervals', whole(100, 100_000), 1000)
    .option('--seed <n>', 'of the resamples', whole(0), 1)
    .action(act(run));
  examples(command, [
    'reluctant fairness zoo:fashion-resnet8 reduced.onnx --data fashion-mnist-part',
    'reluctant fairness before.onnx after.onnx --data csv:faces.csv --groups race',
    'reluctant fairness before.onnx half.onnx quarter.onnx --data fashion-mnist --json',
  ]);
}

async function run(
  { onProgress }: Context,
  original: string,
  reduced: readonly string[],
  { data, split, groups: column, resamples, seed }: Options,
) {
  const open = async (name: string): Promise<NamedModel> => ({
    name: shortName(name),
    model: await openModel(name),
  });
  const dataset = await loadDataset(data, split);
  const models = await Promise.all([open(original), ...reduced.map(open)]);
  const groups = column === undefined ? undefined : columnOf(dataset, column);
  const report = await compareModels(models, dataset, {
    ...(groups && { groups }),
    resamples,
    seed,
    onProgress,
  });
  return { value: report, text: describe(report) };
}

function columnOf(dataset: Dataset, column: string): Groups {
  const columns = dataset.groups ?? {};
  const values = columns[column];
  if (values) return groupsOfColumn(values);
  const known = Object.keys(columns).join(', ') || 'none';
  throw new UsageError(`--groups ${column}: ${dataset.name} has no such column; it has ${known}`);
}

function describe(report: FairnessReport): string {
  const rows = report.groups.flatMap(({ group, n, models }) =>
    models.map((row, m) => [
      m === 0 ? group : '',
      m === 0 ? n : '',
      row.model,
      format.percent(row.accuracy),
      m === 0 ? '' : format.plainPoints(row.drop),
      m === 0 ? '' : row.dropInterval.map(format.plainPoints).join(' to '),
      m === 0 ? '' : format.points(row.excessDrop),
    ]),
  );
  const columns = [
    { title: 'group', align: 'left' },
    { title: 'images' },
    { title: 'model', align: 'left' },
    { title: 'accuracy' },
    { title: 'drop, points' },
    { title: '95 % interval' },
    { title: 'beyond the average' },
  ] as const;
  return `${table(columns, rows)}\n\n${report.gap.models.map(gapLine).join('\n')}`;
}

function gapLine(row: FairnessReport['gap']['models'][number], m: number): string {
  const base =
    `${row.model}: ${format.plainPoints(row.gap)} points between the best and the worst group ` +
    `(${row.worstGroup}, ${format.percent(row.worstAccuracy)})`;
  if (m === 0) return base;
  const interval = row.wideningInterval.map(format.points).join(' to ');
  return `${base}, ${format.points(row.widening)} against the original (${interval})`;
}
