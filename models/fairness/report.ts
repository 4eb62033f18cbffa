import { defined } from '../../src/shared/defined.ts';
import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { bootstrap, seededDraw } from './bootstrap.ts';
import type { Interval } from './bootstrap.ts';
import { classRates } from './class-rates.ts';
import { calibrationError, confidenceOf } from './calibration.ts';
import { accuracyScores, estimates, groupMeans, scoreTable, tellingOf } from './estimates.ts';
import type { GroupEstimate, ModelEstimate, ScoreTable } from './estimates.ts';
import { membersOf } from './groups.ts';
import type { Groups } from './groups.ts';
import { worstGroup } from './metrics.ts';
import type { Outcomes } from './metrics.ts';
import { defaultMaxWidth, fewestTelling } from './telling.ts';
import type { Telling } from './telling.ts';
import { readingOf } from './reading.ts';
import { testLosses, testWords } from './loss-tests.ts';
import { averagedLines, redrawn } from './lines.ts';
import type { Lines } from './lines.ts';
import type { LossTest } from './loss-tests.ts';
import type { FairnessReport, GapRow, GroupRow, OverallRow } from './rows.ts';

export type { FairnessReport, GapRow, GroupRow, OverallRow } from './rows.ts';

/** A line of the report: a model's answers for the samples that all models share. */
export type Answers = {
  readonly model: string;
  readonly outcomes: Outcomes;
  /** The answers of networks that were made in the same way with other seeds (default: none). */
  readonly repeats?: readonly Outcomes[];
};

export type ReportOptions = {
  readonly resamples?: number;
  readonly confidence?: number;
  readonly seed?: number;
  /** Groups with fewer samples are not tested (default: 30). */
  readonly minGroup?: number;
  /**
   * Groups count in gaps and as the worst group if an accuracy of one half would be known within an
   * interval of this width, as a fraction (default: 0.2). See `fewestTelling`.
   */
  readonly maxWidth?: number;
  /** The class that counts as positive, if the labels are binary (default: none). */
  readonly positive?: number;
  /** The names of the classes, for rates of each class by group (default: no such rates). */
  readonly classNames?: readonly string[];
  readonly onProgress?: OnProgress;
};

/**
 * Shows who pays for the reduction: each group under each model, compared with the original. All answers are
 * for the same samples in the same order. Groups without members are left out.
 */
export function fairnessReport(
  original: Answers,
  reduced: readonly Answers[],
  groups: Groups,
  options: ReportOptions = {},
): FairnessReport {
  return fairnessReports(original, reduced, [groups], options)[0]!;
}

/**
 * A report for each partition of the samples into groups, such as by one attribute, by another and by
 * both. The tests of all partitions are corrected together.
 */
export function fairnessReports(
  original: Answers,
  reduced: readonly Answers[],
  partitions: readonly Groups[],
  options: ReportOptions = {},
): FairnessReport[] {
  const { seed = 1, minGroup = 30, positive, onProgress = silent } = options;
  const models = [original, ...reduced];
  const { networks, lines } = networksOf(models);
  const table = scoreTable(networks, positive);
  const draw = seededDraw(seed);
  const presents = partitions.map(present);
  const scores = networks.map((_, n) => accuracyScores(table, n));
  const tests = lines.map((line, m) => {
    onProgress({ phase: 'significance-tests', done: m + 1, total: lines.length });
    const after = line.map((n) => scores[n]!);
    const members = presents.map((partition) => partition.members);
    return testLosses(scores[0]!, after, members, { minGroup, draw, isOriginal: m === 0 });
  });
  const compared = { models, networks, lines, table, draw };
  return presents.map((partition, at) =>
    reportOf(
      compared,
      partition,
      tests.map((ofModel) => ofModel[at]!),
      options,
    ),
  );
}

type Compared = {
  readonly models: readonly Answers[];
  readonly networks: readonly Outcomes[];
  readonly lines: Lines;
  readonly table: ScoreTable;
  readonly draw: (n: number) => number;
};

function reportOf(
  compared: Compared,
  partition: Present,
  tests: readonly (readonly LossTest[])[],
  options: ReportOptions,
): FairnessReport {
  const {
    resamples = 1000,
    confidence = 0.95,
    seed = 1,
    minGroup = 30,
    maxWidth = defaultMaxWidth,
  } = options;
  const { table, lines, draw } = compared;
  const { names, members } = partition;
  const sizes = members.map((group) => group.length);
  const means = groupMeans(table, members);
  const fewest = fewestTelling(maxWidth, confidence);
  const telling = tellingOf(table, means, sizes, fewest);
  const estimate = (of: readonly (readonly number[])[]) => estimates(table, of, sizes, telling);
  const each = estimate(means);
  const intervals = bootstrap(
    table.scores,
    members,
    (of) => averagedLines(estimate(of), redrawn(lines, draw)),
    { resamples, confidence, draw, onProgress: options.onProgress ?? silent },
  ) as unknown as Spread[];
  const context = { ...compared, ...partition, each, found: averagedLines(each, lines), intervals, telling };
  const report = {
    n: sizes.reduce((sum, size) => sum + size, 0),
    bootstrap: { resamples, confidence, seed },
    test: testWords,
    minGroup,
    overall: overallRows(context),
    groups: groupRows(context, tests),
    gap: {
      maxWidth,
      minGroup: fewest,
      leftOut: names.map((group, g) => ({ group, n: sizes[g]! })).filter(({ n }) => n < fewest),
      models: gapRows(context),
    },
  };
  const ofClasses = classRatesOf(compared, partition, fewest, { ...options, resamples, confidence, seed });
  return { ...report, ...defined({ classRates: ofClasses }), reading: readingOf(report) };
}

function classRatesOf(
  { models, networks, lines, table }: Compared,
  { names, members }: Present,
  fewest: number,
  { classNames = [], resamples, confidence, seed }: Sampled & Pick<ReportOptions, 'classNames'>,
): FairnessReport['classRates'] {
  if (classNames.length < 3) return undefined;
  return classRates(names, members, {
    models: models.map(({ model }) => model),
    lines,
    scores: networks.map((_, n) => accuracyScores(table, n)),
    labels: networks[0]!.labels,
    classNames,
    ...{ fewest, resamples, confidence, seed },
  });
}

type Sampled = FairnessReport['bootstrap'];

/** All networks, the original first, and which of them belong to each model. */
function networksOf(models: readonly Answers[]): { networks: Outcomes[]; lines: Lines } {
  const networks: Outcomes[] = [];
  const lines = models.map(({ outcomes, repeats = [] }) =>
    [outcomes, ...repeats].map((own) => networks.push(own) - 1),
  );
  return { networks, lines };
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

type Found = Present &
  Compared & {
    /** The estimates of each network (`each`) and of each line (`found`). */
    readonly each: readonly ModelEstimate[];
    readonly found: readonly ModelEstimate[];
    readonly intervals: readonly Spread[];
    readonly telling: Telling;
  };

function groupRows(
  { models, networks, lines, names, members, each, found, intervals }: Found,
  tests: readonly (readonly LossTest[])[],
): FairnessReport['groups'] {
  const confidence = networks.map(confidenceOf);
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
        predictiveValueInterval: spread.predictiveValue,
        calibrationError: meanOf(lines[m]!.map((n) => calibrationError(confidence[n]!, members[g]!))),
        losingNetworks: lines[m]!.filter((n) => each[n]!.groups[g]!.excessDrop > 0).length,
        ...tests[m]![g]!,
      };
    }),
  }));
}

function meanOf(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function overallRows({ models, networks, lines, members, found, intervals }: Found): OverallRow[] {
  const everyone = members.flatMap((group) => [...group]);
  return models.map(({ model }, m) => ({
    model,
    networks: lines[m]!.length,
    ...found[m]!.overall,
    interval: intervals[m]!.overall.accuracy,
    dropInterval: intervals[m]!.overall.drop,
    calibrationError: meanOf(lines[m]!.map((n) => calibrationError(confidenceOf(networks[n]!), everyone))),
  }));
}

function gapRows({ models, names, found, intervals, telling }: Found): GapRow[] {
  return models.map(({ model }, m) => {
    const accuracies = telling.accuracy.map((g) => found[m]!.groups[g]!.accuracy);
    const worst = accuracies.length < 2 ? undefined : worstGroup(accuracies);
    const spread = intervals[m]!.gap;
    return {
      model,
      ...found[m]!.gap,
      interval: spread.gap,
      worstGroup: worst === undefined ? null : names[telling.accuracy[worst]!]!,
      worstAccuracy: worst === undefined ? NaN : accuracies[worst]!,
      wideningInterval: spread.widening,
      allGapInterval: spread.allGap,
      allWideningInterval: spread.allWidening,
      demographicParityInterval: spread.demographicParity,
      disparateImpactInterval: spread.disparateImpact,
      equalisedOddsInterval: spread.equalisedOdds,
      predictiveParityInterval: spread.predictiveParity,
    };
  });
}
