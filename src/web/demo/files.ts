import sharp from 'sharp';
import * as format from '../../shared/format.ts';
import { costChart, groupChart, sideBySide } from '../charts.ts';
import type { CostRow, Names } from '../charts.ts';
import { demoPage } from './page.ts';
import { answerCost } from './report.ts';
import type { DemoReport } from './report.ts';

/** One image: [channels, height, width] bytes with 1 or 3 channels. */
export type Picture = {
  readonly planes: Uint8Array;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
};

/** The files of a report that people read. report.json is the report itself. */
export async function demoFiles(
  report: DemoReport,
  pictures: readonly Picture[],
): Promise<{ html: string; svg: string }> {
  const names: Names = [report.original.name, report.reduced.name];
  const [cost, groups, images] = await Promise.all([
    costChart(costRows(report), names),
    groupChart(groupRows(report), names),
    Promise.all(pictures.map(png)),
  ]);
  return { html: demoPage(report, { cost, groups, images }), svg: sideBySide(cost, groups) };
}

function costRows({ original, reduced }: DemoReport): CostRow[] {
  const [before, after] = [answerCost(original.images), answerCost(reduced.images)];
  const row = (measure: string, pair: [number, number], print: (value: number) => string): CostRow => ({
    measure,
    before: pair[0],
    after: pair[1],
    labels: [print(pair[0]), print(pair[1])],
  });
  const bytes = (phase: { bytes_up: number; bytes_down: number }) => phase.bytes_up + phase.bytes_down;
  return [
    row('ReLUs', [original.relus, reduced.relus], format.count),
    row('online time', [before.online.seconds, after.online.seconds], format.duration),
    row('online bytes', [bytes(before.online), bytes(after.online)], format.bytes),
    row('offline time', [before.offline.seconds, after.offline.seconds], format.duration),
    row('offline bytes', [bytes(before.offline), bytes(after.offline)], format.bytes),
  ];
}

function groupRows({ fairness }: DemoReport) {
  return fairness.groups.map(({ group, models: [before, after] }) => ({
    group,
    before: before!.accuracy,
    after: after!.accuracy,
  }));
}

function png({ planes, channels, height, width }: Picture): Promise<Uint8Array> {
  const size = height * width;
  const interleaved = planes.map((_, i) => planes[(i % channels) * size + Math.floor(i / channels)]!);
  return sharp(interleaved, { raw: { width, height, channels: channels === 3 ? 3 : 1 } })
    .png()
    .toBuffer();
}
