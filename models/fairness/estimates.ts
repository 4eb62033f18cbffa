import { excessDrops, gap, meanOver, positiveScores, sampleScores } from './metrics.ts';
import type { Outcomes } from './metrics.ts';
import { tellingGroups } from './telling.ts';
import type { Telling } from './telling.ts';

/**
 * A model's figures in one group, as fractions of 1, but the loss in nats. Rates are NaN if the labels are
 * not binary.
 */
export type GroupEstimate = {
  readonly accuracy: number;
  /** The original's accuracy minus this one. */
  readonly drop: number;
  /** This group's drop minus the drop over all samples. */
  readonly excessDrop: number;
  readonly crossEntropy: number;
  /** Mean distance to the decision boundary. */
  readonly margin: number;
  /** The share of samples that the model calls positive. */
  readonly positiveRate: number;
  /** The share of the samples with a positive label that the model calls positive. */
  readonly truePositiveRate: number;
  /** The share of the other samples that the model calls positive. */
  readonly falsePositiveRate: number;
  /** The share of the samples called positive that are positive; NaN if none is called so. */
  readonly predictiveValue: number;
};

/**
 * A model's figures over the groups that are large enough to tell, but `allGap` and `allWidening` over
 * all groups. NaN if fewer than two groups count. The figures of rates are also NaN if the labels are not
 * binary.
 */
export type GapEstimate = {
  /** Largest minus smallest group accuracy. */
  readonly gap: number;
  /** The gap minus the original's. */
  readonly widening: number;
  readonly allGap: number;
  readonly allWidening: number;
  /** Demographic parity difference: largest minus smallest positive rate. */
  readonly demographicParity: number;
  /** Disparate impact: smallest positive rate divided by the largest, 1 if they are equal. */
  readonly disparateImpact: number;
  /** The larger of the gaps in true- and in false-positive rate (Hardt et al. 2016). */
  readonly equalisedOdds: number;
  /** Predictive parity difference: largest minus smallest predictive value (Chouldechova 2017). */
  readonly predictiveParity: number;
};

export type OverallEstimate = Pick<GroupEstimate, 'accuracy' | 'drop' | 'crossEntropy' | 'margin'>;

export type ModelEstimate = {
  readonly groups: readonly GroupEstimate[];
  readonly overall: OverallEstimate;
  readonly gap: GapEstimate;
};

/**
 * Scores per sample: first the labels (1 if positive), then `scoresOfModel.length` scores for each model.
 */
export type ScoreTable = {
  readonly scores: readonly Float64Array[];
  readonly models: number;
  /** The class that counts as positive; undefined if the labels are not binary. */
  readonly positive: number | undefined;
};

const scoresOfModel = [
  'accuracy',
  'crossEntropy',
  'margin',
  'positive',
  'truePositive',
  'falsePositive',
] as const;
type ModelScore = (typeof scoresOfModel)[number];

export function scoreTable(models: readonly Outcomes[], positive: number | undefined): ScoreTable {
  const labels = Float64Array.from(models[0]!.labels, (label) => (label === positive ? 1 : 0));
  const scores = models.flatMap((outcomes) => {
    const rates = positive === undefined ? noScores(labels) : positiveScores(outcomes, positive);
    const means = { ...rates } as Record<ModelScore, Float64Array>;
    for (const name of ['accuracy', 'crossEntropy', 'margin'] as const)
      means[name] = sampleScores[name](outcomes);
    return scoresOfModel.map((name) => means[name]);
  });
  return { scores: [labels, ...scores], models: models.length, positive };
}

/**
 * Uses one array for all three scores, so that the bootstrap passes over it once. `zeros` are the labels,
 * none of which is positive.
 */
function noScores(zeros: Float64Array) {
  return { positive: zeros, truePositive: zeros, falsePositive: zeros };
}

/** The per-sample accuracy of a model. */
export function accuracyScores({ scores }: ScoreTable, model: number): Float64Array {
  return scores[1 + model * scoresOfModel.length]!;
}

export function groupMeans({ scores }: ScoreTable, members: readonly Int32Array[]): number[][] {
  return scores.map((score) => members.map((group) => meanOver(score, group)));
}

/** The groups that count in gaps: those with at least `fewest` images for the figure. */
export function tellingOf(
  table: Omit<ScoreTable, 'scores'>,
  means: readonly (readonly number[])[],
  sizes: readonly number[],
  fewest: number,
): Telling {
  const called = Array.from({ length: table.models }, (_, m) => scoreOf(means, m, 'positive'));
  return tellingGroups(fewest, sizes, means[0]!, called);
}

function scoreOf(means: readonly (readonly number[])[], model: number, name: ModelScore): readonly number[] {
  return means[1 + model * scoresOfModel.length + scoresOfModel.indexOf(name)]!;
}

/**
 * Computes all estimates, one per network, from means[score][group] and the groups' sizes, for the data and
 * for resamples alike.
 */
export function estimates(
  { models, positive }: Omit<ScoreTable, 'scores'>,
  means: readonly (readonly number[])[],
  sizes: readonly number[],
  telling: Telling,
): ModelEstimate[] {
  const of = (model: number, name: ModelScore) => scoreOf(means, model, name);
  const overall = (row: readonly number[]) => weightedMean(row, sizes);
  const original = of(0, 'accuracy');
  return Array.from({ length: models }, (_, m) => {
    const accuracy = of(m, 'accuracy');
    const drop = overall(original) - overall(accuracy);
    const excess = excessDrops(original, accuracy, drop);
    const rates = sizes.map((_, g) =>
      positive === undefined
        ? noRates
        : ratesOf(
            means[0]![g]!,
            of(m, 'positive')[g]!,
            of(m, 'truePositive')[g]!,
            of(m, 'falsePositive')[g]!,
          ),
    );
    return {
      groups: sizes.map((_, g) => ({
        accuracy: accuracy[g]!,
        drop: original[g]! - accuracy[g]!,
        excessDrop: excess[g]!,
        crossEntropy: of(m, 'crossEntropy')[g]!,
        margin: of(m, 'margin')[g]!,
        ...rates[g]!,
      })),
      overall: {
        accuracy: overall(accuracy),
        drop,
        crossEntropy: overall(of(m, 'crossEntropy')),
        margin: overall(of(m, 'margin')),
      },
      gap: { ...accuracyGaps(accuracy, original, telling), ...rateGaps(rates, m, telling) },
    };
  });
}

type Rates = Pick<
  GroupEstimate,
  'positiveRate' | 'truePositiveRate' | 'falsePositiveRate' | 'predictiveValue'
>;

const noRates: Rates = {
  positiveRate: NaN,
  truePositiveRate: NaN,
  falsePositiveRate: NaN,
  predictiveValue: NaN,
};

/** The rates of a group; a rate over no samples is NaN. */
function ratesOf(labels: number, called: number, truly: number, falsely: number): Rates {
  return {
    positiveRate: called,
    truePositiveRate: truly / labels,
    falsePositiveRate: falsely / (1 - labels),
    predictiveValue: truly / called,
  };
}

function accuracyGaps(accuracy: readonly number[], original: readonly number[], { accuracy: told }: Telling) {
  const all = [...accuracy.keys()];
  return {
    gap: gapOf(accuracy, told),
    widening: gapOf(accuracy, told) - gapOf(original, told),
    allGap: gapOf(accuracy, all),
    allWidening: gapOf(accuracy, all) - gapOf(original, all),
  };
}

function rateGaps(rates: readonly Rates[], network: number, telling: Telling) {
  const of = (name: keyof Rates) => rates.map((rate) => rate[name]);
  const called = telling.accuracy.map((g) => rates[g]!.positiveRate);
  return {
    demographicParity: gapOf(of('positiveRate'), telling.accuracy),
    disparateImpact: called.length < 2 ? NaN : Math.min(...called) / Math.max(...called),
    equalisedOdds: Math.max(
      gapOf(of('truePositiveRate'), telling.truePositiveRate),
      gapOf(of('falsePositiveRate'), telling.falsePositiveRate),
    ),
    predictiveParity: gapOf(of('predictiveValue'), telling.predictiveValue[network]!),
  };
}

/** The gap of a figure between these groups; NaN if fewer than two of them have it. */
function gapOf(figure: readonly number[], groups: readonly number[]): number {
  const known = groups.map((g) => figure[g]!).filter((value) => !Number.isNaN(value));
  return known.length < 2 ? NaN : gap(known);
}

function weightedMean(row: readonly number[], sizes: readonly number[]): number {
  const n = sizes.reduce((sum, size) => sum + size, 0);
  return row.reduce((sum, mean, g) => sum + mean * sizes[g]!, 0) / n;
}
