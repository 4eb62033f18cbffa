import type { Measure, Point } from '../../../pipelines/pareto/points.ts';
import { draw, ink } from '../charts.ts';
import type { SeriesLook } from './colours.ts';

type Row = {
  readonly id: string;
  readonly series: string;
  readonly x: number;
  readonly accuracy: number;
  readonly low: number;
  readonly high: number;
  readonly isMeasured: boolean;
  readonly isOnFront: boolean;
};

export type FrontOptions = {
  readonly measure: Measure;
  readonly points: readonly Point[];
  readonly looks: readonly SeriesLook[];
  /** Whether the chart has a legend. A file that stands alone needs one. */
  readonly hasLegend: boolean;
};

/**
 * A chart of accuracy against one measure: a mark and an interval per point, a line per series, and the front
 * as a grey staircase.
 */
export function frontChart({ measure, points, looks, hasLegend }: FrontOptions): Promise<string> {
  const rows = points.flatMap((point) => rowOf(point, measure));
  const y = {
    field: 'accuracy',
    type: 'quantitative',
    title: 'private accuracy, %',
    scale: { zero: false, nice: true, padding: 6 },
    axis: { tickCount: 5, domain: false, ticks: false },
  } as const;
  const x = { field: 'x', type: 'quantitative', title: titleOf(measure), ...scaleOf(measure) } as const;
  const names = looks.map(({ series }) => series);
  const colour = {
    field: 'series',
    type: 'nominal',
    scale: { domain: names, range: looks.map((look) => look.colour) },
    legend: hasLegend ? { ...columnsFor(names), symbolOpacity: 1 } : null,
  } as const;
  const shape = {
    field: 'series',
    type: 'nominal',
    scale: { domain: names, range: looks.map((look) => look.shape) },
    legend: hasLegend ? columnsFor(names) : null,
  } as const;
  return draw({
    width: 330,
    height: 250,
    layer: [
      {
        data: { values: staircase(rows) },
        mark: { type: 'line', interpolate: 'step-after', color: ink.before, strokeWidth: 5, opacity: 0.3 },
        encoding: { x, y },
      },
      {
        data: { values: rows },
        mark: { type: 'line', strokeWidth: 1, opacity: 0.6 },
        encoding: { x, y, color: colour },
      },
      {
        data: { values: rows.filter(({ low, high }) => low < high) },
        mark: { type: 'rule', strokeWidth: 1.5 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' }, color: colour },
      },
      // Measured points are filled. The others look hollow, but have a transparent fill so that one can point
      // at them.
      ...[true, false].map((isMeasured) => ({
        data: { values: rows.filter((row) => row.isMeasured === isMeasured) },
        mark: {
          type: 'point',
          size: 90,
          strokeWidth: 2,
          opacity: 1,
          ...(isMeasured ? { filled: true } : { filled: false, fill: 'transparent' }),
        },
        encoding: {
          x,
          y,
          description: { field: 'id' },
          shape,
          color: colour,
        },
      })),
    ],
  });
}

/** A legend that shows names in full, in as many columns as the width of the picture allows. */
function columnsFor(names: readonly string[]) {
  const longest = Math.max(...names.map(({ length }) => length));
  return { columns: Math.min(3, Math.max(1, Math.floor(60 / longest))), labelLimit: 0 };
}

function rowOf(point: Point, measure: Measure): Row[] {
  const x = measure.of(point);
  if (x === undefined) return [];
  const { mean, interval } = point.accuracy;
  const [low, high] = interval ?? [mean, mean];
  const { id, series, isMeasured } = point;
  const isOnFront = point.onFront.includes(measure.name);
  return [{ id, series, x, accuracy: 100 * mean, low: 100 * low, high: 100 * high, isMeasured, isOnFront }];
}

/**
 * The steps from the cheapest point of the front to the most accurate one, and on to the dearest point of
 * all.
 */
function staircase(rows: readonly Row[]) {
  const front = rows.filter(({ isOnFront }) => isOnFront).toSorted((a, b) => a.x - b.x);
  const last = front.at(-1);
  const steps = front.map(({ x, accuracy }) => ({ x, accuracy }));
  return last ? [...steps, { x: Math.max(...rows.map(({ x }) => x)), accuracy: last.accuracy }] : steps;
}

function titleOf({ title, unit }: Measure): string {
  if (unit === 'ReLUs') return 'ReLUs left';
  return `${title}, ${unit}`;
}

/** The interesting points have few ReLUs: a root scale spreads them and can show zero. */
function scaleOf({ unit }: Measure) {
  const scale = unit === 'ReLUs' ? { type: 'sqrt', nice: true, padding: 8 } : { zero: true, padding: 8 };
  return { axis: { tickCount: 5, domain: false, ...numbers }, scale } as const;
}

/** Writes numbers as 0.05, 250, 12k. */
const numbers = {
  labelExpr: "datum.value < 1000 ? format(datum.value, '.3~r') : format(datum.value / 1000, '.3~r') + 'k'",
} as const;

/** A layer of the plan: its ReLUs before and after the reduction, and its seconds in one inference. */
export type LayerRow = {
  readonly layer: string;
  readonly before: number;
  readonly relus: number;
  readonly offline: number;
  readonly online: number;
};

/**
 * A chart of what is left of each layer: its ReLUs on the left, with the number before in grey, and its
 * seconds on the right.
 */
export function layerChart(rows: readonly LayerRow[], profile: string): Promise<string> {
  const y = { field: 'layer', type: 'nominal', sort: null } as const;
  const axis = { tickCount: 3, domain: false, ...numbers } as const;
  const phases = [
    { name: 'offline', colour: ink.before },
    { name: 'online', colour: ink.after },
  ] as const;
  const times = rows.flatMap((row) =>
    phases.map(({ name }, order) => ({ layer: row.layer, phase: name, seconds: row[name], order })),
  );
  const height = { step: 17 };
  return draw({
    spacing: 14,
    hconcat: [
      {
        ...{ width: 120, height },
        data: { values: rows },
        encoding: { y: { ...y, axis: { title: null, domain: false, ticks: false, labelLimit: 400 } } },
        layer: [
          {
            mark: { type: 'bar', color: ink.faint, height: { band: 0.8 } },
            encoding: { x: { field: 'before', type: 'quantitative', title: 'ReLUs', axis } },
          },
          {
            mark: { type: 'bar', color: ink.after, height: { band: 0.5 } },
            encoding: { x: { field: 'relus', type: 'quantitative' } },
          },
        ],
      },
      {
        ...{ width: 120, height },
        data: { values: times },
        mark: { type: 'bar', height: { band: 0.7 } },
        encoding: {
          y: { ...y, axis: null },
          x: {
            ...{ field: 'seconds', type: 'quantitative', aggregate: 'sum' },
            title: `time, ${profile}, s`,
            axis,
          },
          color: {
            field: 'phase',
            type: 'nominal',
            scale: { domain: phases.map(({ name }) => name), range: phases.map(({ colour }) => colour) },
            legend: { title: null, orient: 'bottom' },
          },
          order: { field: 'order', type: 'quantitative' },
        },
      },
    ],
  });
}
