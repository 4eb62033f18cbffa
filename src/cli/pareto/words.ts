import { measuresOf } from '../../../pipelines/pareto/points.ts';
import type { Measure, Point } from '../../../pipelines/pareto/points.ts';
import type { Run } from '../../../pipelines/pareto/store.ts';
import { cellsOf, legendOf } from '../../web/pareto-cells.ts';
import { table } from '../output.ts';
import { describeJob } from './sweep.ts';

export function describePoints(
  points: readonly Point[],
  profiles: readonly string[],
  runs: readonly Run[],
): string {
  const rows = points.map((point) => cellsOf(point, profiles));
  const texts = rows.map((cells) => cells.map(({ text }) => text));
  const shown = rows[0] === undefined ? 'no run is done yet' : table(rows[0], texts);
  return [shown, '', legendOf(profiles), ...unfinishedLines(runs)].join('\n');
}

/** The same for a document. */
export function markdownOf(
  points: readonly Point[],
  profiles: readonly string[],
  runs: readonly Run[],
): string {
  const rows = points.map((point) => cellsOf(point, profiles));
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const [first = []] = rows;
  const head = [
    line(first.map(({ title }) => title)),
    line(first.map(({ align }) => (align === 'left' ? '---' : '---:'))),
  ];
  const body = rows.map((cells) => line(cells.map(({ text }) => text)));
  return [
    ...(rows.length === 0 ? [] : [...head, ...body, '']),
    legendOf(profiles),
    ...unfinishedLines(runs),
  ].join('\n');
}

function unfinishedLines(runs: readonly Run[]): string[] {
  const failed = runs.filter(({ state }) => state === 'failed');
  const open = runs.filter(({ state }) => state === 'waiting' || state === 'running').length;
  return [
    ...(failed.length + open === 0 ? [] : ['']),
    ...failed.map(({ spec, message }) => `failed: ${describeJob(spec)}: ${message}`),
    ...(open === 0 ? [] : [`${open} of ${runs.length} jobs are not done yet`]),
  ];
}

/** One line a run, not a point: every figure as a number, for a spreadsheet. Seconds, bytes, fractions. */
export function csvOf(points: readonly Point[], profiles: readonly string[]): string {
  const rows = points.flatMap((point) => point.runs.map((run) => csvRow(point, run, profiles)));
  const header = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const lines = rows.map((row: Readonly<Record<string, string | number>>) =>
    header.map((name) => row[name] ?? ''),
  );
  return [header, ...lines].map((cells) => cells.map(csvCell).join(',')).join('\n');
}

function csvRow(point: Point, run: Point['runs'][number], profiles: readonly string[]) {
  const { spec, result, costs } = run;
  const seconds = costs
    .filter(({ profile, source }) => profiles.includes(profile) || source === 'measured')
    .flatMap(({ profile, source, offlineSeconds, onlineSeconds }) => [
      [`offline_seconds_${source}_${profile}`, offlineSeconds] as const,
      [`online_seconds_${source}_${profile}`, onlineSeconds] as const,
    ]);
  const traffic = costs[0]!;
  return {
    ...{ id: run.id, method: point.series, budget: spec.budget, seed: spec.seed, epochs: spec.epochs },
    ...{ relus: result.relus, accuracy: result.accuracy, private_accuracy: result.privateAccuracy },
    ...{ test_images: result.n, front: point.onFront.join(' ') },
    offline_bytes: traffic.offline.bytes_up + traffic.offline.bytes_down,
    online_bytes: traffic.online.bytes_up + traffic.online.bytes_down,
    onnx: result.onnx,
    command: result.command,
    ...Object.fromEntries(seconds),
  };
}

function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Figures of every point and run for --json. */
export function publicPoints(points: readonly Point[], profiles: readonly string[]) {
  const measures = measuresOf(profiles);
  return points.map(
    ({ id, series, budget, relus, accuracy, clearAccuracy, costs, onFront, isMeasured, runs }) => ({
      ...{
        id,
        method: series,
        budget,
        seeds: runs.length,
        relus,
        accuracy,
        clearAccuracy,
        isMeasured,
        onFront,
      },
      costs,
      figures: Object.fromEntries(
        measures.map((measure: Measure) => [
          measure.name.replaceAll('-', '_'),
          measure.of({ relus, costs }) ?? null,
        ]),
      ),
      runs: runs.map(({ id, spec, result }) => ({ id, seed: spec.seed, ...result })),
    }),
  );
}
