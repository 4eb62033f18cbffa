import { bootstrap, seededDraw } from './bootstrap.ts';
import type { Interval } from './bootstrap.ts';
import { membersOf } from './groups.ts';
import type { Groups } from './groups.ts';
import { excessDrops, gap, meanOver, sampleScores, worstGroup } from './metrics.ts';
import type { Outcomes } from './metrics.ts';

/** One model's answers on the shared samples. */
export type Answers = { readonly model: string; readonly outcomes: Outcomes };

/** Accuracies and drops are fractions of 1. Drops are the original's value minus the model's; the original's are 0. */
export type GroupRow = {
  readonly model: string;
  readonly accuracy: number;
  readonly interval: Interval;
  readonly drop: number;
  readonly dropInterval: Interval;
  /** This group's drop minus the drop over all samples. */
  readonly excessDrop: number;
  readonly excessDropInterval: Interval;
  /** Nats. */
  readonly crossEntropy: number;
  /** Mean distance to the decision boundary, 0 to 1. */
  readonly margin: number;
};

export type OverallRow = {
  readonly model: string;
  readonly accuracy: number;
  readonly drop: number;
  readonly dropInterval: Interval;
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
};

export type FairnessReport = {
  readonly n: number;
  /** How the intervals were made: paired, stratified bootstrap. */
  readonly bootstrap: { readonly resamples: number; readonly confidence: number; readonly seed: number };
  readonly overall: readonly OverallRow[];
  readonly groups: readonly {
    readonly group: string;
    readonly n: number;
    readonly models: readonly GroupRow[];
  }[];
  readonly gap: { readonly models: readonly GapRow[] };
};

export type ReportOptions = {
  readonly resamples?: number;
  readonly confidence?: number;
  readonly seed?: number;
};

/**
 * Who pays for the reduction: accuracy of each group under each model, against the first (the original). All answers are
 * of the same samples in the same order. Groups without members are left out.
 */
export function fairnessReport(
  original: Answers,
  reduced: readonly Answers[],
  allGroups: Groups,
  { resamples = 1000, confidence = 0.95, seed = 1 }: ReportOptions = {},
): FairnessReport {
  const models = [original, ...reduced];
  const groups = present(allGroups);
  const table = accuracyTable(models, groups.members);
  const intervals = bootstrapTable(table, groups.members, { resamples, confidence, seed });
  const extra = models.map(({ outcomes }) => ({
    crossEntropy: sampleScores.crossEntropy(outcomes),
    margin: sampleScores.margin(outcomes),
  }));
  return {
    n: allGroups.codes.length,
    bootstrap: { resamples, confidence, seed },
    overall: models.map(({ model }, m) => ({
      model,
      accuracy: table.overall[m]!,
      drop: table.drops[m]!,
      dropInterval: intervals.overallDrop(m),
    })),
    groups: groups.names.map((group, g) => ({
      group,
      n: groups.members[g]!.length,
      models: models.map(({ model }, m) => ({
        model,
        accuracy: table.means[m]![g]!,
        interval: intervals.accuracy(m, g),
        drop: table.means[0]![g]! - table.means[m]![g]!,
        dropInterval: intervals.drop(m, g),
        excessDrop: table.excess[m]![g]!,
        excessDropInterval: intervals.excess(m, g),
        crossEntropy: meanOver(extra[m]!.crossEntropy, groups.members[g]!),
        margin: meanOver(extra[m]!.margin, groups.members[g]!),
      })),
    })),
    gap: { models: models.map(({ model }, m) => gapRow(model, m, table, groups.names, intervals)) },
  };
}

type Present = { readonly names: readonly string[]; readonly members: readonly Int32Array[] };

function present(groups: Groups): Present {
  const members = membersOf(groups);
  const kept = groups.names.map((_, g) => g).filter((g) => members[g]!.length > 0);
  return { names: kept.map((g) => groups.names[g]!), members: kept.map((g) => members[g]!) };
}

type AccuracyTable = {
  readonly scores: readonly Float64Array[];
  /** [model][group] */
  readonly means: readonly (readonly number[])[];
  readonly overall: readonly number[];
  readonly drops: readonly number[];
  readonly excess: readonly (readonly number[])[];
};

function accuracyTable(models: readonly Answers[], members: readonly Int32Array[]): AccuracyTable {
  const scores = models.map(({ outcomes }) => sampleScores.accuracy(outcomes));
  const means = scores.map((score) => members.map((group) => meanOver(score, group)));
  const sizes = members.map((group) => group.length);
  return { scores, means, ...derived(means, sizes) };
}

/** What follows from means[model][group] and the group sizes; the same for the data and for a resample. */
function derived(means: readonly (readonly number[])[], sizes: readonly number[]) {
  const n = sizes.reduce((sum, size) => sum + size, 0);
  const overall = means.map((row) => row.reduce((sum, mean, g) => sum + mean * sizes[g]!, 0) / n);
  const drops = overall.map((accuracy) => overall[0]! - accuracy);
  const excess = means.map((row, m) => excessDrops(means[0]!, row, drops[m]!));
  return { overall, drops, excess };
}

/** Which quantity of the bootstrap belongs to what; `bootstrapTable` lays them out in this order for each model. */
function bootstrapTable(
  table: AccuracyTable,
  members: readonly Int32Array[],
  { resamples, confidence, seed }: Required<ReportOptions>,
) {
  const sizes = members.map((group) => group.length);
  const groups = sizes.length;
  const stride = 3 * groups + 3;
  const intervals = bootstrap(
    table.scores,
    members,
    (means) => {
      const { drops, excess } = derived(means, sizes);
      return means.flatMap((row, m) => [
        ...row,
        ...row.map((mean, g) => means[0]![g]! - mean),
        ...excess[m]!,
        drops[m]!,
        gap(row),
        gap(row) - gap(means[0]!),
      ]);
    },
    { resamples, confidence, draw: seededDraw(seed) },
  );
  const at = (m: number, offset: number): Interval => intervals[m * stride + offset]!;
  return {
    accuracy: (m: number, g: number) => at(m, g),
    drop: (m: number, g: number) => at(m, groups + g),
    excess: (m: number, g: number) => at(m, 2 * groups + g),
    overallDrop: (m: number) => at(m, 3 * groups),
    gap: (m: number) => at(m, 3 * groups + 1),
    widening: (m: number) => at(m, 3 * groups + 2),
  };
}

function gapRow(
  model: string,
  m: number,
  { means }: AccuracyTable,
  names: readonly string[],
  intervals: ReturnType<typeof bootstrapTable>,
): GapRow {
  const worst = worstGroup(means[m]!);
  return {
    model,
    gap: gap(means[m]!),
    interval: intervals.gap(m),
    worstGroup: names[worst]!,
    worstAccuracy: means[m]![worst]!,
    widening: gap(means[m]!) - gap(means[0]!),
    wideningInterval: intervals.widening(m),
  };
}
