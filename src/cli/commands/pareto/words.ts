import { describeJob } from '../../../../pipelines/pareto/series.ts';
import { measuresOf } from '../../../../pipelines/pareto/points.ts';
import type { Measure, Point } from '../../../../pipelines/pareto/points.ts';
import type { JobSpec } from '../../../../pipelines/pareto/job.ts';
import type { Run } from '../../../../pipelines/pareto/run.ts';
import * as format from '../../../shared/format.ts';
import { cellsOf, legendOf } from '../../../web/pareto/cells.ts';
import { bitsValue, leftOutText } from '../../output/bits-words.ts';
import { table } from '../../output/output.ts';

export function describePoints(
  points: readonly Point[],
  profiles: readonly string[],
  runs: readonly Run[],
): string {
  const rows = points.map((point) => cellsOf(point, profiles));
  const texts = rows.map((cells) => cells.map(({ text }) => text));
  const shown = rows[0] === undefined ? 'No run is done yet.' : table(rows[0], texts);
  return [shown, '', legendOf(profiles), ...unfinishedLines(runs)].join('\n');
}

/** The table for a document, in Markdown. */
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
  const shown = rows.length === 0 ? [] : [...head, ...body, ''];
  return [...provenanceOf(points), '', ...shown, legendOf(profiles), ...unfinishedLines(runs)].join('\n');
}

/** The network, the data, the settings, the date and the machine. */
function provenanceOf(points: readonly Point[]): string[] {
  const runs = points.flatMap((point) => point.runs);
  const each = (of: (run: (typeof runs)[number]) => string) => [...new Set(runs.map(of))].join('; ');
  if (runs.length === 0) return [];
  const reduced = runs.filter(({ spec }) => spec.method !== 'original');
  const epochs = [...new Set(reduced.map(({ spec }) => epochsText(spec)))].join('; ');
  return [
    `\`${each(({ spec }) => spec.network)}\` on \`${each(({ spec }) => spec.data)}\` ` +
      `(${format.count(runs[0]!.result.n)} test images); ${epochs === '' ? 'not reduced yet' : epochs}. ` +
      `Made ${each(({ result }) => result.finishedAt.slice(0, 10))} on ${each(({ result }) => result.machine.cpu)}, ` +
      `${each(({ result }) => `${result.machine.cores} cores`)}; reluctant ${each(({ result }) => result.versions['reluctant']!)}.`,
  ];
}

function epochsText({ epochs, searchEpochs, pretrainEpochs }: JobSpec): string {
  const search = searchEpochs === null ? '' : `, search ${searchEpochs}`;
  const pretraining = pretrainEpochs === null ? '' : `, deepreshape's pretraining ${pretrainEpochs}`;
  return `epochs of fine-tuning: ${epochs}${search}${pretraining}`;
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

/** CSV with one line per run, not per point: every figure as a number, in seconds, bytes or fractions. */
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
    ...(result.bits !== null && {
      activation_bits: result.bits.activationBits,
      weight_bits: result.bits.weightBits,
      left_out: leftOutText(result.bits.leftOut ?? {}),
    }),
    onnx: result.onnx,
    command: result.command,
    ...Object.fromEntries(seconds),
  };
}

function csvCell(value: string | number): string {
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The figures of every point and run, for --json. */
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
      agreement: runs[0]!.spec.agreement,
      runs: runs.map(({ id, spec, result }) => ({
        ...{ id, seed: spec.seed },
        ...{ ...result, bits: result.bits === null ? null : bitsValue(result.bits) },
      })),
    }),
  );
}
