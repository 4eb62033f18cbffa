import { seededUniform, uniformInt } from '../data/seeded.ts';

/** [low, high] */
export type Interval = readonly [number, number];

export type BootstrapOptions = {
  readonly resamples: number;
  /** Two-sided, e.g. 0.95. */
  readonly confidence: number;
  /** Draws an integer in [0, n). */
  readonly draw: (n: number) => number;
};

/**
 * Paired, stratified bootstrap: each resample draws every group's members anew with replacement, the same draw for every
 * model, so what the models have in common cancels in differences. `statistic` sees means[model][group] and returns the
 * quantities of interest; one percentile interval each comes back, in the same order.
 */
export function bootstrap(
  scores: readonly Float64Array[],
  members: readonly Int32Array[],
  statistic: (means: readonly (readonly number[])[]) => readonly number[],
  { resamples, confidence, draw }: BootstrapOptions,
): Interval[] {
  const samples = Array.from({ length: resamples }, () => statistic(resampledMeans(scores, members, draw)));
  const quantities = samples[0]?.length ?? 0;
  return Array.from({ length: quantities }, (_, quantity) =>
    percentileInterval(
      samples.map((sample) => sample[quantity]!),
      confidence,
    ),
  );
}

/** means[model][group] of one resample. */
function resampledMeans(
  scores: readonly Float64Array[],
  members: readonly Int32Array[],
  draw: (n: number) => number,
): number[][] {
  const sums = scores.map(() => new Array<number>(members.length).fill(0));
  members.forEach((group, g) => {
    for (let i = 0; i < group.length; i++) {
      const sample = group[draw(group.length)]!;
      for (let m = 0; m < scores.length; m++) sums[m]![g]! += scores[m]![sample]!;
    }
  });
  return sums.map((row) => row.map((sum, g) => sum / members[g]!.length));
}

/** The central `confidence` share of the values, ends interpolated between order statistics. */
export function percentileInterval(values: readonly number[], confidence: number): Interval {
  const sorted = Float64Array.from(values).sort();
  return [quantile(sorted, (1 - confidence) / 2), quantile(sorted, (1 + confidence) / 2)];
}

function quantile(sorted: Float64Array, probability: number): number {
  const position = probability * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

/** Repeatable draws from a seed: for resampling only, never for secrets. */
export function seededDraw(seed: number): (n: number) => number {
  const uniform = seededUniform(seed);
  return (n) => uniformInt(uniform, n);
}
