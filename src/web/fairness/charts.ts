import type { FairnessReport } from '../../../models/fairness/report.ts';
import * as format from '../../shared/format.ts';
import { draw, ink } from '../charts.ts';
import type { FairnessPageData, ModelSeries } from './data.ts';

/** The smallest distance of two labels, in pixels. */
const labelHeight = 14;
const slopeHeight = 320;
const sizeHeight = 280;

/** Whether a chart highlights a group: it is shown to lose more than the rest under model `m`. */
function isLoser(report: FairnessReport, group: number, m: number): boolean {
  return report.groups[group]!.models[m]!.verdict === 'loses more';
}

/**
 * A chart with a line per group: its accuracy from all ReLUs to the fewest. Groups that lose have intervals.
 */
export function slopeChart({ report, models }: FairnessPageData, series: ModelSeries): Promise<string> {
  const last = series.models.at(-1)!;
  const points = report.groups.flatMap(({ group, models: rows }, g) =>
    series.models.map((m, at) => {
      const { accuracy, interval } = rows[m]!;
      const colour = isLoser(report, g, last) ? ink.after : ink.before;
      return { group, at, value: 100 * accuracy, low: 100 * interval[0], high: 100 * interval[1], colour };
    }),
  );
  const values = points.flatMap(({ low, high, value, colour }) =>
    colour === ink.after ? [low, high] : [value],
  );
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const spare = Math.max(0.5, 0.04 * (high - low));
  const domain = [Math.max(0, low - spare), Math.min(100, high + spare)] as const;
  const y = {
    type: 'quantitative',
    title: 'right answers, %',
    scale: { domain: [...domain], nice: false, zero: false },
    axis: { tickCount: 5, domain: false, ticks: false },
  } as const;
  const ticks = series.models.map((_, at) => at);
  const names = series.models.map((m) => format.count(models[m]!.relus));
  const x = {
    field: 'at',
    type: 'quantitative',
    title: 'ReLUs',
    scale: { domain: [0, series.models.length - 1], nice: false },
    axis: { values: ticks, labelExpr: `${JSON.stringify(names)}[datum.value]`, grid: false, labelAngle: 0 },
  } as const;
  const colour = { field: 'colour', type: 'nominal', scale: null } as const;
  const ends = points.filter(({ at }) => at === series.models.length - 1);
  return draw({
    width: 300,
    height: slopeHeight,
    data: { values: points },
    layer: [
      {
        transform: [{ filter: `datum.colour === '${ink.after}'` }],
        mark: { type: 'rule', strokeWidth: 1.5, opacity: 0.5 },
        encoding: { x, y: { field: 'low', ...y }, y2: { field: 'high' }, color: colour },
      },
      {
        mark: { type: 'line', strokeWidth: 2 },
        encoding: { x, y: { field: 'value', ...y }, detail: { field: 'group' }, color: colour },
      },
      {
        mark: { type: 'point', filled: true, size: 45, opacity: 1 },
        encoding: { x, y: { field: 'value', ...y }, color: colour },
      },
      {
        data: { values: apart(ends, domain, slopeHeight) },
        mark: { type: 'text', align: 'left', dx: 9, fontSize: 12, clip: false },
        encoding: { x, y: { field: 'label', ...y }, text: { field: 'group' }, color: textColour },
      },
    ],
  });
}

const textColour = { value: ink.text } as const;

/** Moves overlapping labels apart: up from the lowest one, and down again when they leave the chart. */
export function apart<T extends { readonly value: number }>(
  ends: readonly T[],
  [low, high]: readonly [number, number],
  height: number,
): (T & { readonly label: number })[] {
  const room = (high - low) / Math.max(1, ends.length - 1);
  const step = Math.min((labelHeight / height) * (high - low), room);
  const sorted = ends.toSorted((a, b) => a.value - b.value);
  const places = sorted.map(({ value }) => value);
  for (let i = 1; i < places.length; i++) places[i] = Math.max(places[i]!, places[i - 1]! + step);
  if (places.length > 0) places[places.length - 1] = Math.min(places.at(-1)!, high);
  for (let i = places.length - 2; i >= 0; i--) places[i] = Math.min(places[i]!, places[i + 1]! - step);
  return sorted.map((end, i) => ({ ...end, label: places[i]! }));
}

/** The axis of losses, in points. */
const lossAxis = {
  type: 'quantitative',
  title: 'right answers lost, of 100',
  scale: { zero: true, nice: true },
  axis: { tickCount: 5, domain: false, ticks: false },
} as const;

const ownColour = { field: 'colour', type: 'nominal', scale: null } as const;

/**
 * What each group lost, with its interval, in points. Groups shown to lose more than the rest have their own
 * colour.
 */
function lossesOf(report: FairnessPageData['report'], m: number) {
  return report.groups.map(({ group, models }, g) => {
    const { drop, dropInterval } = models[m]!;
    const [low, high] = [100 * dropInterval[0], 100 * dropInterval[1]];
    return { group, value: 100 * drop, low, high, colour: isLoser(report, g, m) ? ink.after : ink.before };
  });
}

/**
 * A chart of what each group lost under one model: a dot with its interval, the worst loss on top. A line
 * marks the loss over all images.
 */
export function lossChart({ report }: FairnessPageData, m: number): Promise<string> {
  const rows = lossesOf(report, m).sort((a, b) => b.value - a.value);
  const y = {
    field: 'group',
    type: 'nominal',
    sort: rows.map(({ group }) => group),
    axis: { title: null, domain: false, ticks: false, labelPadding: 8 },
  } as const;
  return draw({
    width: 280,
    height: 24 * rows.length + 8,
    data: { values: rows },
    layer: [
      {
        data: { values: [{ all: 100 * report.overall[m]!.drop }] },
        mark: { type: 'rule', color: ink.text, strokeWidth: 1, strokeDash: [4, 3] },
        encoding: { x: { field: 'all', ...lossAxis } },
      },
      {
        mark: { type: 'rule', strokeWidth: 2 },
        encoding: { y, x: { field: 'low', ...lossAxis }, x2: { field: 'high' }, color: ownColour },
      },
      {
        mark: { type: 'point', filled: true, size: 80, opacity: 1 },
        encoding: { y, x: { field: 'value', ...lossAxis }, color: ownColour },
      },
    ],
  });
}

/**
 * A chart of what each group lost against its number of training images, on a logarithmic axis. `sizes` has
 * one entry per group, and they must not all be equal.
 */
export function sizeChart(
  { report }: FairnessPageData,
  m: number,
  sizes: readonly number[],
): Promise<string> {
  const rows = lossesOf(report, m).map((row, g) => ({ ...row, size: Math.max(1, sizes[g]!) }));
  const losers = rows.filter(({ colour }) => colour === ink.after);
  const smallest = Math.min(...rows.map(({ size }) => size));
  const x = {
    field: 'size',
    type: 'quantitative',
    title: 'images of the group in training',
    scale: { type: 'log', nice: false, domain: [smallest / 1.3, 2.2 * Math.max(...sizes)] },
    axis: { tickCount: 5, grid: false, format: ',' },
  } as const;
  return draw({
    width: 360,
    height: sizeHeight,
    data: { values: rows },
    layer: [
      {
        mark: { type: 'rule', strokeWidth: 1.5, opacity: 0.6 },
        encoding: { x, y: { field: 'low', ...lossAxis }, y2: { field: 'high' }, color: ownColour },
      },
      {
        mark: { type: 'point', filled: true, size: 60, opacity: 1 },
        encoding: { x, y: { field: 'value', ...lossAxis }, color: ownColour },
      },
      {
        data: { values: apart(losers, [0, Math.max(1, ...rows.map(({ high }) => high))], sizeHeight) },
        mark: { type: 'text', align: 'left', dx: 8, fontSize: 12 },
        encoding: { x, y: { field: 'label', ...lossAxis }, text: { field: 'group' }, color: textColour },
      },
    ],
  });
}
