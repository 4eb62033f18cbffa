import { bootstrap, seededDraw } from './bootstrap.ts';
import type { Interval } from './bootstrap.ts';
import { calibrationError, confidenceOf } from './calibration.ts';
import { accuracyScores, estimates, groupMeans, scoreTable } from './estimates.ts';
import type { GroupEstimate, ModelEstimate, OverallEstimate, ScoreTable } from './estimates.ts';
import { membersOf } from './groups.ts';
import type { Groups } from './groups.ts';
import { worstGroup } from './metrics.ts';
import type { Outcomes } from './metrics.ts';
import { readingOf } from './reading.ts';
import { testLosses } from './loss-tests.ts';
import type { LossTest } from './loss-tests.ts';

/** One model's answers on the shared samples. */
export type Answers = { readonly model: string; readonly outcomes: Outcomes };

/** Accuracies and drops are fractions of 1. Drops are the original's value minus the model's; the original's are 0. */
export type GroupRow = GroupEstimate &
  LossTest & {
    readonly model: string;
    /** Of the accuracy. */
    readonly interval: Interval;
    readonly dropInterval: Interval;
    readonly excessDropInterval: Interval;
    readonly crossEntropyInterval: Interval;
    readonly marginInterval: Interval;
    readonly positiveRateInterval: Interval;
    readonly truePositiveRateInterval: Interval;
    readonly falsePositiveRateInterval: Interval;
    /** Expected calibration error, 0 to 1. */
    readonly calibrationError: number;
  };

export type OverallRow = OverallEstimate & {
  readonly model: string;
  readonly interval: Interval;
  readonly dropInterval: Interval;
  readonly calibrationError: number;
};

export type GapRow = {
  readonly model: string;
  /** Largest minus smallest group accuracy. */
  readonly gap: number;
  readonly interval: Interval;
  readonly worstGroup: string;
  readonly worstAccuracy: number;
  /** The gap minus the original's. */
  readonly widening: number;
  readonly wideningInterval: Interval;
  /** Largest minus smallest positive rate; NaN, as the next, where labels are not binary. */
  readonly demographicParity: number;
  readonly demographicParityInterval: Interval;
  /** The larger of the gaps in true- and false-positive rate. */
  readonly equalisedOdds: number;
  readonly equalisedOddsInterval: Interval;
};

export type FairnessReport = {
  readonly n: number;
  /** How the intervals were made: paired, stratified bootstrap. */
  readonly bootstrap: { readonly resamples: number; readonly confidence: number; readonly seed: number };
  /** Groups with fewer samples are not tested. */
  readonly minGroup: number;
  readonly overall: readonly OverallRow[];
  readonly groups: readonly {
    readonly group: string;
    readonly n: number;
    readonly models: readonly GroupRow[];
  }[];
  readonly gap: { readonly models: readonly GapRow[] };
  /** What the figures say, in sentences. */
  readonly reading: readonly string[];
};

export type ReportOptions = {
  readonly resamples?: number;
  readonly confidence?: number;
  readonly seed?: number;
  /** 30 where left out. */
  readonly minGroup?: number;
  /** The class that counts as positive where labels are binary. */
  readonly positive?: number;
};

/**
 * Who pays for the reduction: each group under each model, against the first (the original). All answers are of the same
 * samples in the same order. Groups without members are left out.
 */
export function fairnessReport(
  original: Answers,
  reduced: readonly Answers[],
  allGroups: Groups,
  { resamples = 1000, confidence = 0.95, seed = 1, minGroup = 30, positive }: ReportOptions = {},
): FairnessReport {
  const models = [original, ...reduced];
  const { names, members } = present(allGroups);
  const table = scoreTable(
    models.map(({ outcomes }) => outcomes),
    positive,
  );
  const sizes = members.map((group) => group.length);
  const found = estimates(table, groupMeans(table, members), sizes);
  const options = { resamples, confidence, draw: seededDraw(seed) };
  const intervals = bootstrap(
    table.scores,
    members,
    (means) => estimates(table, means, sizes),
    options,
  ) as unknown as Spread[];
  const context = { models, names, members, found, intervals };
  const groups = groupRows(context, table, minGroup);
  const report = {
    n: allGroups.codes.length,
    bootstrap: { resamples, confidence, seed },
    minGroup,
    overall: overallRows(context),
    groups,
    gap: { models: gapRows(context) },
  };
  return { ...report, reading: readingOf(report) };
}

type Present = { readonly names: readonly string[]; readonly members: readonly Int32Array[] };

function present(groups: Groups): Present {
  const members = membersOf(groups);
  const kept = groups.names.map((_, g) => g).filter((g) => members[g]!.length > 0);
  return { names: kept.map((g) => groups.names[g]!), members: kept.map((g) => members[g]!) };
}

/** The intervals of a ModelEstimate. */
type Spread = {
  readonly [Part in keyof ModelEstimate]: Part extends 'groups'
    ? readonly { readonly [K in keyof GroupEstimate]: Interval }[]
    : { readonly [K in keyof ModelEstimate[Part]]: Interval };
};

type Found = Present & {
  readonly models: readonly Answers[];
  readonly found: readonly ModelEstimate[];
  readonly intervals: readonly Spread[];
};

function groupRows({ models, names, members, found, intervals }: Found, table: ScoreTable, minGroup: number) {
  const confidence = models.map(({ outcomes }) => confidenceOf(outcomes));
  const tests = models.map((_, m) =>
    testLosses(accuracyScores(table, 0), accuracyScores(table, m), members, {
      minGroup,
      isOriginal: m === 0,
    }),
  );
  return names.map((group, g) => ({
    group,
    n: members[g]!.length,
    models: models.map(({ model }, m): GroupRow => {
      const spread = intervals[m]!.groups[g]!;
      return {
        model,
        ...found[m]!.groups[g]!,
        interval: spread.accuracy,
        dropInterval: spread.drop,
        excessDropInterval: spread.excessDrop,
        crossEntropyInterval: spread.crossEntropy,
        marginInterval: spread.margin,
        positiveRateInterval: spread.positiveRate,
        truePositiveRateInterval: spread.truePositiveRate,
        falsePositiveRateInterval: spread.falsePositiveRate,
        calibrationError: calibrationError(confidence[m]!, members[g]!),
        ...tests[m]![g]!,
      };
    }),
  }));
}

function overallRows({ models, members, found, intervals }: Found): OverallRow[] {
  const everyone = members.flatMap((group) => [...group]);
  return models.map(({ model, outcomes }, m) => ({
    model,
    ...found[m]!.overall,
    interval: intervals[m]!.overall.accuracy,
    dropInterval: intervals[m]!.overall.drop,
    calibrationError: calibrationError(confidenceOf(outcomes), everyone),
  }));
}

function gapRows({ models, names, found, intervals }: Found): GapRow[] {
  return models.map(({ model }, m) => {
    const accuracies = found[m]!.groups.map(({ accuracy }) => accuracy);
    const worst = worstGroup(accuracies);
    const spread = intervals[m]!.gap;
    return {
      model,
      ...found[m]!.gap,
      interval: spread.gap,
      worstGroup: names[worst]!,
      worstAccuracy: accuracies[worst]!,
      wideningInterval: spread.widening,
      demographicParityInterval: spread.demographicParity,
      equalisedOddsInterval: spread.equalisedOdds,
    };
  });
}
