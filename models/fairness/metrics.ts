import { argmax } from '../tensor.ts';

/** A model's logits [n, classes] in row-major order for n samples, and their true labels [n]. */
export type Outcomes = {
  readonly logits: Float32Array;
  readonly classes: number;
  readonly labels: ArrayLike<number>;
};

/** Scores per sample; a group's value is the mean over its members. To add a metric, add a row. */
export const sampleScores = {
  /** 1 if the largest logit is the label's, else 0. */
  accuracy: (outcomes: Outcomes) => perSample(outcomes, (row, label) => (argmax(row) === label ? 1 : 0)),
  /** The cross-entropy in nats. */
  crossEntropy: (outcomes: Outcomes) => perSample(outcomes, (row, label) => logSumExp(row) - row[label]!),
  /**
   * Distance to the decision boundary (Das et al., ICML 2024): the largest softmax probability minus the
   * second.
   */
  margin: (outcomes: Outcomes) => perSample(outcomes, softmaxMargin),
} as const;

/** Scores per sample, 1 or 0: whether the model says `positive`, says so rightly, and says so wrongly. */
export function positiveScores(outcomes: Outcomes, positive: number) {
  const score = (counts: (label: number) => boolean) =>
    perSample(outcomes, (row, label) => (argmax(row) === positive && counts(label) ? 1 : 0));
  return {
    positive: score(() => true),
    truePositive: score((label) => label === positive),
    falsePositive: score((label) => label !== positive),
  };
}

/** The mean of `scores` over `members`; NaN without members. */
export function meanOver(scores: Float64Array, members: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < members.length; i++) sum += scores[members[i]!]!;
  return sum / members.length;
}

/**
 * The largest minus the smallest mean, without groups that have no members (NaN); 0 if fewer than two groups
 * are left.
 */
export function gap(groupMeans: readonly number[]): number {
  const known = groupMeans.filter((mean) => !Number.isNaN(mean));
  return known.length < 2 ? 0 : Math.max(...known) - Math.min(...known);
}

/**
 * The index of the group with the lowest mean, the first one if several are equal; -1 if every group is
 * empty.
 */
export function worstGroup(groupMeans: readonly number[]): number {
  const known = groupMeans.filter((mean) => !Number.isNaN(mean));
  return known.length === 0 ? -1 : groupMeans.indexOf(Math.min(...known));
}

/**
 * How much more each group loses than all samples together: (before_g - after_g) - (before - after). A
 * positive value means that the group pays more than its share.
 */
export function excessDrops(
  before: readonly number[],
  after: readonly number[],
  overallDrop: number,
): number[] {
  return before.map((value, group) => value - after[group]! - overallDrop);
}

function perSample(outcomes: Outcomes, score: (row: Float32Array, label: number) => number): Float64Array {
  const scores = new Float64Array(outcomes.labels.length);
  forEachSample(outcomes, (row, label, sample) => (scores[sample] = score(row, label)));
  return scores;
}

/**
 * Calls `visit` with each sample's logits [classes] and label. Throws RangeError if logits and labels do not
 * fit.
 */
export function forEachSample(
  { logits, classes, labels }: Outcomes,
  visit: (row: Float32Array, label: number, sample: number) => void,
): void {
  if (logits.length !== labels.length * classes) {
    throw new RangeError(
      `outcomes: ${labels.length} labels and ${classes} classes need ${labels.length * classes} logits, ` +
        `got ${logits.length}`,
    );
  }
  for (let sample = 0; sample < labels.length; sample++) {
    visit(logits.subarray(sample * classes, (sample + 1) * classes), labels[sample]!, sample);
  }
}

/** ln(sum of exp), without overflow for large logits. */
export function logSumExp(row: Float32Array): number {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  return top + Math.log(row.reduce((sum, value) => sum + Math.exp(value - top), 0));
}

function softmaxMargin(row: Float32Array): number {
  const norm = logSumExp(row);
  const [first = -Infinity, second = -Infinity] = [...row].sort((a, b) => b - a);
  return Math.exp(first - norm) - Math.exp(second - norm);
}
