import { silent } from '../../src/shared/progress.ts';
import type { OnProgress } from '../../src/shared/progress.ts';
import { seededUniform, uniformInt } from '../data/seeded.ts';

/** [low, high] */
export type Interval = readonly [number, number];

export type BootstrapOptions = {
  readonly resamples: number;
  /** Two-sided confidence, such as 0.95. */
  readonly confidence: number;
  /** Draws an integer in [0, n). */
  readonly draw: (n: number) => number;
  readonly onProgress?: OnProgress;
};

/** A value of the same form as an estimate, with an interval instead of each number. */
export type Intervals<T> = T extends number ? Interval : { readonly [K in keyof T]: Intervals<T[K]> };

/**
 * Paired, stratified bootstrap. Each resample draws every group's members with replacement, and uses the same
 * draw for every score, so that what the models have in common cancels in differences. `estimate` takes
 * means[score][group] and returns numbers in any nesting of lists and objects; the result has percentile
 * intervals in the same nesting.
 */
export function bootstrap<T>(
  scores: readonly Float64Array[],
  members: readonly Int32Array[],
  estimate: (means: readonly (readonly number[])[]) => T,
  { resamples, confidence, draw, onProgress = silent }: BootstrapOptions,
): Intervals<T> {
  // Scores that share one array, such as the rates of labels that are not binary, are averaged once.
  const distinct = [...new Set(scores)];
  const places = scores.map((score) => distinct.indexOf(score));
  const gathered = distinct.map((score) =>
    members.map((group) => Float64Array.from(group, (i) => score[i]!)),
  );
  const samples = Array.from({ length: resamples }, (_, i) => {
    onProgress({ phase: 'confidence-intervals', done: i, total: resamples });
    const means = resampledMeans(gathered, draw);
    return estimate(places.map((place) => means[place]!));
  });
  onProgress({ phase: 'confidence-intervals', done: resamples, total: resamples });
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

/** A score's values by group in the order of its members, so that each resample reads memory in order. */
type Gathered = readonly Float64Array[];

/**
 * The means[score][group] of one resample: it counts how often each member is drawn, then passes once over
 * each score.
 */
function resampledMeans(gathered: readonly Gathered[], draw: (n: number) => number): number[][] {
  const counts = gathered[0]!.map(({ length }) => drawnCounts(length, draw));
  return gathered.map((groups) => groups.map((values, g) => weightedMean(values, counts[g]!)));
}

function drawnCounts(n: number, draw: (n: number) => number): Uint16Array {
  const counts = new Uint16Array(n);
  for (let i = 0; i < n; i++) counts[draw(n)]!++;
  return counts;
}

function weightedMean(values: Float64Array, counts: Uint16Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * counts[i]!;
  return sum / values.length;
}

/**
 * The interval of the central `confidence` share of the values, interpolated between order statistics and
 * without NaN.
 */
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

/** Reproducible draws from a seed, for resampling and never for secrets. */
export function seededDraw(seed: number): (n: number) => number {
  const uniform = seededUniform(seed);
  return (n) => uniformInt(uniform, n);
}
