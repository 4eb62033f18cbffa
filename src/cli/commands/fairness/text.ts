import { verdictWords } from '../../../../models/fairness/reading.ts';
import type { FairnessReport, GapRow, GroupRow } from '../../../../models/fairness/report.ts';
import type { GroupedReport } from '../../../../models/fairness/csv.ts';
import type { CurvatureReport } from '../../../../pipelines/fairness/curvature.ts';
import * as format from '../../../shared/format.ts';
import { table } from '../../output/output.ts';
import type { Column } from '../../output/output.ts';

/** The tables and sentences of fairness reports, one for each way to sort the images into groups. */
export function describeReports(reports: readonly GroupedReport[]): string {
  const parts = reports.flatMap(({ by, report }) => [
    ...(reports.length > 1 ? [`Groups by ${by.join(' and ')}`] : []),
    describeReport(report),
  ]);
  return [...parts, testLine(reports.at(-1)!.report)].join('\n\n');
}

function describeReport(report: FairnessReport): string {
  const { confidence } = report.bootstrap;
  const tables = [lossTable(report), qualityTable(report), ratesTable(report)];
  const parts = [...tables, classTable(report, confidence), gapLines(report)];
  return [...parts.filter((part) => part !== ''), report.reading.join('\n')].join('\n\n');
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

/** A row for each group and model; only the first row of a group names it. A star marks groups in no gap. */
function rowsOf(
  { groups, gap }: FairnessReport,
  cells: (row: GroupRow, isOriginal: boolean) => readonly string[],
): (string | number)[][] {
  return groups.flatMap(({ group, n, models }) =>
    models.map((row, m) => [
      m === 0 ? `${group}${n < gap.minGroup ? ' *' : ''}` : '',
      m === 0 ? n : '',
      row.model,
      ...cells(row, m === 0),
    ]),
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
    { title: 'right of those called positive' },
  ];
  const rows = rowsOf(report, (row) =>
    [row.positiveRate, row.truePositiveRate, row.falsePositiveRate, row.predictiveValue].map(format.percent),
  );
  return table(columns, rows);
}

/** The rates of each class by group; empty if groups are classes or there are only two. */
function classTable({ classRates, gap }: FairnessReport, confidence: number): string {
  if (classRates === undefined) return '';
  const interval = `${Math.round(100 * confidence)} % interval`;
  const columns: readonly Column[] = [
    { title: 'group', align: 'left' },
    { title: 'class', align: 'left' },
    { title: 'images' },
    { title: 'model', align: 'left' },
    { title: 'true positives' },
    { title: interval },
    { title: 'drop, points' },
    { title: interval },
  ];
  const rows = classRates.cells.flatMap(({ group, class: name, n, models }) =>
    models.map((row, m) => [
      ...(m === 0 ? [group, name, n] : ['', '', '']),
      row.model,
      format.percent(row.truePositiveRate),
      row.truePositiveRateInterval.map(format.percent).join(' to '),
      ...(m === 0
        ? ['', '']
        : [format.plainPoints(row.drop), row.dropInterval.map(format.plainPoints).join(' to ')]),
    ]),
  );
  const few = classRates.leftOut.length;
  const left =
    few === 0 ? [] : [`Left out: ${few} classes of groups, with fewer than ${gap.minGroup} images each`];
  return [...(rows.length === 0 ? [] : [table(columns, rows)]), ...left].join('\n');
}

function gapLines({ gap, bootstrap }: FairnessReport): string {
  const confidence = Math.round(100 * bootstrap.confidence);
  const rates = gap.models.map((row) => ratesLine(row, confidence)).filter((line) => line !== '');
  return [...gap.models.map(gapLine), ...rates, ...starLine(gap)].join('\n');
}

function gapLine(row: GapRow, m: number): string {
  if (row.worstGroup === null)
    return `${row.model}: no gap is told, because fewer than two groups are large enough`;
  const base =
    `${row.model}: gap of ${format.plainPoints(row.gap)} points between the best and the worst group ` +
    `(${row.worstGroup}, accuracy ${format.percent(row.worstAccuracy)})`;
  if (m === 0) return base;
  const interval = row.wideningInterval.map(format.points).join(' to ');
  return `${base}; changed by ${format.points(row.widening)} points compared with the original (${interval})`;
}

/** What the star in the tables means; none if there is none. */
function starLine({ leftOut, minGroup, maxWidth }: FairnessReport['gap']): string[] {
  if (leftOut.length === 0) return [];
  return [
    `* fewer than ${minGroup} images, so that an accuracy may be known no better than within ` +
      `${format.plainPoints(maxWidth)} points (--max-width): not in gaps, and never the worst group`,
  ];
}

/** How far the rates of groups are apart; empty if the labels are not binary. */
function ratesLine(row: GapRow, confidence: number): string {
  const parts = [
    figure('called positive', row.demographicParity, row.demographicParityInterval, format.plainPoints),
    figure('ratio of these', row.disparateImpact, row.disparateImpactInterval, (ratio) => ratio.toFixed(2)),
    figure('true or false positives', row.equalisedOdds, row.equalisedOddsInterval, format.plainPoints),
    figure(
      'right of those called positive',
      row.predictiveParity,
      row.predictiveParityInterval,
      format.plainPoints,
    ),
  ].filter((part) => part !== '');
  return parts.length === 0
    ? ''
    : `${row.model}: largest differences between groups (${confidence} % intervals): ${parts.join('; ')}`;
}

function figure(
  name: string,
  value: number,
  interval: readonly [number, number],
  written: (value: number) => string,
): string {
  return Number.isNaN(value) ? '' : `${name} ${written(value)} (${interval.map(written).join(' to ')})`;
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
