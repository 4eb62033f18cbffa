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

/** A value of the same form as an estimate, with an interval in place of each number. */
export type Intervals<T> = T extends number ? Interval : { readonly [K in keyof T]: Intervals<T[K]> };

/**
 * Paired, stratified bootstrap: each resample draws every group's members anew with replacement, the same draw for every
 * score, so what the models have in common cancels in differences. `estimate` sees means[score][group] and returns numbers in any
 * nesting of lists and objects; percentile intervals come back in the same nesting.
 */
export function bootstrap<T>(
  scores: readonly Float64Array[],
  members: readonly Int32Array[],
  estimate: (means: readonly (readonly number[])[]) => T,
  { resamples, confidence, draw }: BootstrapOptions,
): Intervals<T> {
  const samples = Array.from({ length: resamples }, () => estimate(resampledMeans(scores, members, draw)));
  return intervalsOf(samples, confidence) as Intervals<T>;
}

function intervalsOf(samples: readonly unknown[], confidence: number): unknown {
  const [first] = samples;
  if (typeof first === 'number') return percentileInterval(samples as readonly number[], confidence);
  const inner = (key: string | number) =>
    intervalsOf(
      samples.map((sample) => (sample as Record<string | number, unknown>)[key]),
      confidence,
    );
  if (Array.isArray(first)) return first.map((_, i) => inner(i));
  return Object.fromEntries(Object.keys(first as object).map((key) => [key, inner(key)]));
}

/** means[score][group] of one resample. */
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

/** The central `confidence` share of the values, NaN left out, ends interpolated between order statistics. */
export function percentileInterval(values: readonly number[], confidence: number): Interval {
  const sorted = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
  if (sorted.length === 0) return [NaN, NaN];
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
