import type { Interval } from './bootstrap.ts';
import type { ClassRate } from './class-rates.ts';
import type { FairnessReport, GroupRow } from './rows.ts';

type Cell = string | number;

/** The columns of the CSV file after group, n and model. */
const columns: Readonly<Record<string, (row: GroupRow) => Cell>> = {
  ...withInterval('accuracy', (row) => [row.accuracy, row.interval]),
  ...withInterval('drop', (row) => [row.drop, row.dropInterval]),
  ...withInterval('excess_drop', (row) => [row.excessDrop, row.excessDropInterval]),
  p_value: (row) => row.pValue,
  p_adjusted: (row) => row.pAdjusted,
  verdict: (row) => row.verdict,
  losing_networks: (row) => row.losingNetworks,
  detectable_loss: (row) => row.detectableLoss,
  ...withInterval('cross_entropy', (row) => [row.crossEntropy, row.crossEntropyInterval]),
  ...withInterval('margin', (row) => [row.margin, row.marginInterval]),
  calibration_error: (row) => row.calibrationError,
  ...withInterval('positive_rate', (row) => [row.positiveRate, row.positiveRateInterval]),
  ...withInterval('true_positive_rate', (row) => [row.truePositiveRate, row.truePositiveRateInterval]),
  ...withInterval('predictive_value', (row) => [row.predictiveValue, row.predictiveValueInterval]),
  ...withInterval('false_positive_rate', (row) => [row.falsePositiveRate, row.falsePositiveRateInterval]),
};

function withInterval(
  name: string,
  of: (row: GroupRow) => readonly [number, Interval],
): Record<string, (row: GroupRow) => Cell> {
  return {
    [name]: (row) => of(row)[0],
    [`${name}_low`]: (row) => of(row)[1][0],
    [`${name}_high`]: (row) => of(row)[1][1],
  };
}

/** The cells of a class in a group: true-positive rates and drops; the other columns are empty. */
function classCells({ truePositiveRate, truePositiveRateInterval, drop, dropInterval }: ClassRate): Cell[] {
  const told: Readonly<Record<string, number>> = {
    true_positive_rate: truePositiveRate,
    true_positive_rate_low: truePositiveRateInterval[0],
    true_positive_rate_high: truePositiveRateInterval[1],
    drop,
    drop_low: dropInterval[0],
    drop_high: dropInterval[1],
  };
  return Object.keys(columns).map((name) => told[name] ?? '');
}

/** A report, and the columns by which its images are sorted into groups. */
export type GroupedReport = { readonly by: readonly string[]; readonly report: FairnessReport };

/**
 * The groups of reports as CSV (RFC 4180), with a line for each group and model, and one for each class of a
 * group where the report has such rates. A cell without a figure is empty.
 */
export function groupsCsv(reports: readonly GroupedReport[]): string {
  const header = ['grouped_by', 'group', 'class', 'n', 'model', ...Object.keys(columns)];
  const rows = reports.flatMap(({ by, report: { groups, classRates } }) => [
    ...groups.flatMap(({ group, n, models }) =>
      models.map((row) => [
        by.join(', '),
        group,
        '',
        n,
        row.model,
        ...Object.values(columns).map((cell) => cell(row)),
      ]),
    ),
    ...(classRates?.cells ?? []).flatMap(({ group, class: name, n, models }) =>
      models.map((row) => [by.join(', '), group, name, n, row.model, ...classCells(row)]),
    ),
  ]);
  return [header, ...rows].map((cells) => `${cells.map(written).join(',')}\r\n`).join('');
}

function written(cell: Cell): string {
  if (typeof cell === 'number') return Number.isNaN(cell) ? '' : String(cell);
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
