import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { protocolVersion } from '../../../../../crypto/channel/channel.ts';
import type { Dataset, Split } from '../../../../../models/data/dataset.ts';
import { datasetHash, overlapWarning, publicName } from '../../../../../models/data/training-data.ts';
import type { GroupedReport } from '../../../../../models/fairness/csv.ts';
import type { FairnessReport, GapRow, GroupRow } from '../../../../../models/fairness/report.ts';
import { planHash } from '../../../../../pipelines/plan/codec.ts';
import { prepare } from '../../../../../pipelines/compile/served-plan.ts';
import { defined } from '../../../../shared/defined.ts';
import { DataError, PlanError } from '../../../../shared/errors.ts';
import { plainPoints } from '../../../../shared/format.ts';
import type { OnProgress } from '../../../../shared/progress.ts';
import { modelFile } from '../../../options/named-model.ts';
import { toJson } from '../../../output/output.ts';
import type { ModelLine } from '../models.ts';
import { cardSchema } from './schema.ts';
import type { Card, CardModel } from './schema.ts';

/** What a card is made of. */
export type CardSource = {
  readonly version: string;
  /** ISO 8601. */
  readonly date: string;
  readonly data: string;
  readonly split: Split;
  readonly dataset: Dataset;
  readonly lines: readonly ModelLine[];
  readonly reports: readonly GroupedReport[];
  /** The training images, which calibrate plans; a DataError says that there are none. */
  readonly train: Dataset | DataError;
  readonly onProgress: OnProgress;
};

/** The model card of a comparison. Compiles the first network of each line for the hash of its plan. */
export async function makeCard(source: CardSource): Promise<Card> {
  const { version, date, data, split, dataset, lines, reports } = source;
  const { report } = reports.at(-1)!;
  const models: object[] = [];
  for (const [m, line] of lines.entries()) models.push(await modelOf(source, line, m));
  const value = {
    card: 1,
    date,
    program: { name: 'reluctant', version },
    protocol: protocolVersion,
    data: { name: publicName(data), split, images: dataset.n, hash: datasetHash(dataset) },
    models,
    partitions: reports.map(partitionOf),
    method: methodOf(report),
    limits: limitsOf(source, report),
  };
  return cardSchema.parse(JSON.parse(JSON.stringify(toJson(value)))); // JSON has null for NaN
}

async function modelOf(source: CardSource, line: ModelLine, m: number): Promise<object> {
  const overall = source.reports.at(-1)!.report.overall[m]!;
  return {
    name: line.name,
    role: m === 0 ? 'original' : 'reduced',
    relus: line.relus,
    files: await Promise.all(line.files.map(fileOf)),
    history: line.model.graph.history ?? null,
    plan: await planOf(source, line),
    accuracy: overall.accuracy,
    accuracyInterval: overall.interval,
    drop: overall.drop,
    dropInterval: overall.dropInterval,
  };
}

async function fileOf(name: string) {
  const bytes = await readFile(modelFile(name));
  return { file: basename(name), sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** The hash of the plan that `serve` would use by default, or why there is none. */
async function planOf(
  { train, data, onProgress }: CardSource,
  { model }: ModelLine,
): Promise<CardModel['plan']> {
  if (train instanceof DataError) return { none: `no training images calibrate it: ${train.message}` };
  try {
    const { plan, calibration } = await prepare(model, { calibration: train, onProgress });
    return { hash: planHash(plan), calibrated_on: publicName(data), images: calibration.images };
  } catch (error) {
    if (error instanceof PlanError || error instanceof DataError) return { none: error.message };
    throw error;
  }
}

function partitionOf({ by, report }: GroupedReport) {
  return {
    by,
    groups: report.groups.map(({ group, n, models }) => ({
      group,
      n,
      inGap: n >= report.gap.minGroup,
      models: models.map(groupRowOf),
    })),
    gaps: report.gap.models.map(gapRowOf),
    ...defined({ classRates: report.classRates }),
    reading: report.reading,
  };
}

function groupRowOf(row: GroupRow) {
  const { model, accuracy, interval, drop, dropInterval, excessDrop, excessDropInterval } = row;
  const { pAdjusted, verdict, detectableLoss, calibrationError } = row;
  const { positiveRate, truePositiveRate, falsePositiveRate, predictiveValue } = row;
  return {
    ...{ model, accuracy, interval, drop, dropInterval, excessDrop, excessDropInterval },
    ...{ pAdjusted, verdict, detectableLoss, calibrationError },
    ...{ positiveRate, truePositiveRate, falsePositiveRate, predictiveValue },
  };
}

function gapRowOf(row: GapRow) {
  const { model, gap, interval, widening, wideningInterval, worstGroup, worstAccuracy } = row;
  const { demographicParity, disparateImpact, equalisedOdds, predictiveParity } = row;
  return {
    ...{ model, gap, interval, widening, wideningInterval, worstGroup, worstAccuracy },
    ...{ demographicParity, disparateImpact, equalisedOdds, predictiveParity },
  };
}

function methodOf({ bootstrap, test, minGroup, gap }: FairnessReport) {
  return { ...bootstrap, ...test, minGroup, maxWidth: gap.maxWidth, minGroupInGap: gap.minGroup };
}

/** What a reader must not take from the figures. */
function limitsOf(
  { dataset, split, lines, reports }: CardSource,
  { gap, minGroup }: FairnessReport,
): string[] {
  const rows = reports.flatMap(({ report }) => report.groups);
  const few = new Set(rows.filter(({ n }) => n < gap.minGroup).map(({ group, n }) => `${group} (${n})`));
  const blind = rows.flatMap(({ models }) =>
    models.flatMap(({ verdict, detectableLoss }) => (verdict === 'no evidence' ? [detectableLoss] : [])),
  );
  const overlaps = lines.flatMap(({ name, model }) => {
    const warning = overlapWarning(model.graph.history, dataset, 0);
    return warning === undefined ? [] : [`${name}: ${warning}.`];
  });
  return [
    `The figures are for ${dataset.n} ${split} images. Images of another source may give others.`,
    ...(few.size === 0
      ? []
      : [
          `Groups of fewer than ${gap.minGroup} images are in no gap and are never the worst group: ${[...few].join(', ')}.`,
        ]),
    ...(blind.length === 0
      ? []
      : [
          `"Not shown" is not "no loss": losses of up to ${plainPoints(Math.max(...blind))} points could hide in a group.`,
        ]),
    `Groups of fewer than ${minGroup} images are not tested.`,
    ...overlaps,
    'The networks were evaluated in floating point. Private answers are computed in fixed point; --private shows what that changes.',
    'The private protocol protects image and weights if both sides follow it. It does not prove an answer right.',
  ];
}
