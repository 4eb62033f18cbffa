import { verdictWords } from '../../../../models/fairness/reading.ts';
import type { FairnessReport, GapRow, GroupRow } from '../../../../models/fairness/report.ts';
import type { CurvatureReport } from '../../../../pipelines/fairness/curvature.ts';
import * as format from '../../../shared/format.ts';
import { table } from '../../output/output.ts';
import type { Column } from '../../output/output.ts';

/** The tables and sentences of a fairness report. */
export function describeReport(report: FairnessReport): string {
  const parts = [lossTable(report), qualityTable(report), ratesTable(report), gapLines(report)];
  return [...parts.filter((part) => part !== ''), report.reading.join('\n'), testLine(report)].join('\n\n');
}

function testLine({ test, minGroup }: FairnessReport): string {
  return (
    `The tests have a level of ${format.percent(test.level)}, corrected by ${test.correction}. ${test.assumes} ` +
    `Groups of fewer than ${minGroup} images, or with fewer others, are not tested.`
  );
}

/** The tables and sentences of one model in the protocol's arithmetic. */
export function describeArithmetic(
  report: FairnessReport & { readonly model: string; readonly k: number | 'free' },
): string {
  const head = `${report.model}: what the protocol's arithmetic alone costs (sign tests skip ${bitsOf(report.k)})`;
  return [head, lossTable(report), gapLines(report), report.reading.join('\n')].join('\n\n');
}

function bitsOf(k: number | 'free'): string {
  return k === 'free' ? 'only bits that cost no accuracy' : `${k} low bits`;
}

/** A row for each group and model; only the first row of a group names it. */
function rowsOf(
  { groups }: FairnessReport,
  cells: (row: GroupRow, isOriginal: boolean) => readonly string[],
): (string | number)[][] {
  return groups.flatMap(({ group, n, models }) =>
    models.map((row, m) => [m === 0 ? group : '', m === 0 ? n : '', row.model, ...cells(row, m === 0)]),
  );
}

const head: readonly Column[] = [
  { title: 'group', align: 'left' },
  { title: 'images' },
  { title: 'model', align: 'left' },
];

function lossTable(report: FairnessReport): string {
  const columns: readonly Column[] = [
    ...head,
    { title: 'accuracy' },
    { title: 'drop, points' },
    { title: `${Math.round(100 * report.bootstrap.confidence)} % interval` },
    { title: 'beyond the average drop' },
    { title: 'p, corrected' },
    { title: 'loses more than the rest?', align: 'left' },
  ];
  const rows = rowsOf(report, (row, isOriginal) => [
    format.percent(row.accuracy),
    ...(isOriginal
      ? ['', '', '', '', '']
      : [
          format.plainPoints(row.drop),
          row.dropInterval.map(format.plainPoints).join(' to '),
          format.points(row.excessDrop),
          probability(row.pAdjusted),
          verdictWords[row.verdict],
        ]),
  ]);
  return table(columns, rows);
}

function probability(p: number): string {
  if (Number.isNaN(p)) return '';
  return p < 0.001 ? '< 0.001' : p.toFixed(3);
}

function qualityTable(report: FairnessReport): string {
  const columns: readonly Column[] = [
    ...head,
    { title: 'loss, nats' },
    { title: 'calibration error' },
    { title: 'distance to the boundary' },
  ];
  const rows = rowsOf(report, (row) => [
    row.crossEntropy.toFixed(3),
    row.calibrationError.toFixed(3),
    row.margin.toFixed(3),
  ]);
  return table(columns, rows);
}

/** Empty if the labels are not binary. */
function ratesTable(report: FairnessReport): string {
  if (report.groups.every(({ models }) => models.every(({ positiveRate }) => Number.isNaN(positiveRate))))
    return '';
  const columns: readonly Column[] = [
    ...head,
    { title: 'predicted positive' },
    { title: 'true positives' },
    { title: 'false positives' },
  ];
  const rows = rowsOf(report, (row) =>
    [row.positiveRate, row.truePositiveRate, row.falsePositiveRate].map(format.percent),
  );
  return table(columns, rows);
}

function gapLines({ gap }: FairnessReport): string {
  return gap.models.map(gapLine).join('\n');
}

function gapLine(row: GapRow, m: number): string {
  const base =
    `${row.model}: gap of ${format.plainPoints(row.gap)} points between the best and the worst group ` +
    `(${row.worstGroup}, accuracy ${format.percent(row.worstAccuracy)})`;
  if (m === 0) return base;
  const interval = row.wideningInterval.map(format.points).join(' to ');
  return `${base}; changed by ${format.points(row.widening)} points compared with the original (${interval})`;
}

/** The bound that the paper explains losses with, beside the measured losses. */
export function describeCurvature({ groups, models }: CurvatureReport): string {
  const columns: readonly Column[] = [
    ...head,
    { title: 'gradient norm' },
    { title: 'largest eigenvalue' },
    { title: 'growth of the loss, nats' },
    { title: 'bound' },
  ];
  const rows = groups.flatMap(({ group, n, models: ofGroup }) =>
    ofGroup.map((row, m) => [
      m === 0 ? group : '',
      m === 0 ? n : '',
      row.model,
      row.gradientNorm.toPrecision(3),
      row.eigenvalue.toPrecision(3),
      ...(m === 0 ? ['', ''] : [row.lossGrowth.toFixed(3), row.bound.toPrecision(3)]),
    ]),
  );
  return [table(columns, rows), '', ...models.map(correlationLine)].join('\n');
}

function correlationLine({ model, distance, rankCorrelation }: CurvatureReport['models'][number]): string {
  const found = Number.isNaN(rankCorrelation)
    ? 'there are no ranks to compare'
    : `rank correlation ${rankCorrelation.toFixed(2)} (1: the same order, 0: no relation)`;
  return (
    `${model}: the weights moved by ${distance.toPrecision(3)}. Bound from gradient and curvature against the groups' losses: ${found}. ` +
    `The bound covers moved weights only, not replaced activations.`
  );
}
