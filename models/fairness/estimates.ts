import { excessDrops, gap, meanOver, positiveScores, sampleScores } from './metrics.ts';
import type { Outcomes } from './metrics.ts';

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
};

/** A model's figures over all groups. */
export type GapEstimate = {
  /** Largest minus smallest group accuracy. */
  readonly gap: number;
  /** The gap minus the original's. */
  readonly widening: number;
  /** The gap and its widening between the groups that are large enough to test. */
  readonly largeGap: number;
  readonly largeWidening: number;
  /**
   * Demographic parity difference: largest minus smallest positive rate. Like `equalisedOdds`, it is NaN if
   * fewer than two groups have such a rate.
   */
  readonly demographicParity: number;
  /** The larger of the gaps in true- and in false-positive rate (Hardt et al. 2016). */
  readonly equalisedOdds: number;
};

export type OverallEstimate = Pick<GroupEstimate, 'accuracy' | 'drop' | 'crossEntropy' | 'margin'>;

export type ModelEstimate = {
  readonly groups: readonly GroupEstimate[];
  readonly overall: OverallEstimate;
  readonly gap: GapEstimate;
};

/** Scores per sample: first the labels (1 if positive), then `scoresOfModel.length` scores for each model. */
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

/**
 * Computes all estimates, one per network, from means[score][group] and the groups' sizes, for the data and
 * for resamples alike.
 */
export function estimates(
  { models, positive }: Omit<ScoreTable, 'scores'>,
  means: readonly (readonly number[])[],
  sizes: readonly number[],
  minGroup: number,
): ModelEstimate[] {
  const of = (model: number, name: ModelScore) =>
    means[1 + model * scoresOfModel.length + scoresOfModel.indexOf(name)]!;
  const overall = (row: readonly number[]) => weightedMean(row, sizes);
  const original = of(0, 'accuracy');
  const large = sizes.map((_, g) => g).filter((g) => sizes[g]! >= minGroup);
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
      gap: gapsOf(accuracy, original, rates, { large, binary: positive !== undefined }),
    };
  });
}

type Rates = Pick<GroupEstimate, 'positiveRate' | 'truePositiveRate' | 'falsePositiveRate'>;

const noRates: Rates = { positiveRate: NaN, truePositiveRate: NaN, falsePositiveRate: NaN };

/** The rates of a group; a rate over no samples is NaN. */
function ratesOf(labels: number, called: number, truly: number, falsely: number): Rates {
  return {
    positiveRate: called,
    truePositiveRate: truly / labels,
    falsePositiveRate: falsely / (1 - labels),
  };
}

function gapsOf(
  accuracy: readonly number[],
  original: readonly number[],
  rates: readonly Rates[],
  { large, binary }: { readonly large: readonly number[]; readonly binary: boolean },
): GapEstimate {
  const ofLarge = (row: readonly number[]) => gap(large.map((g) => row[g]!));
  const ofRate = (name: keyof Rates) => {
    const known = rates.map((rate) => rate[name]).filter((rate) => !Number.isNaN(rate));
    return binary && known.length > 1 ? gap(known) : NaN;
  };
  return {
    gap: gap(accuracy),
    widening: gap(accuracy) - gap(original),
    largeGap: ofLarge(accuracy),
    largeWidening: ofLarge(accuracy) - ofLarge(original),
    demographicParity: ofRate('positiveRate'),
    equalisedOdds: Math.max(ofRate('truePositiveRate'), ofRate('falsePositiveRate')),
  };
}

function weightedMean(row: readonly number[], sizes: readonly number[]): number {
  const n = sizes.reduce((sum, size) => sum + size, 0);
  return row.reduce((sum, mean, g) => sum + mean * sizes[g]!, 0) / n;
}
