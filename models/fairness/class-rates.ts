import { bootstrap, seededDraw } from './bootstrap.ts';
import type { Interval } from './bootstrap.ts';
import { averagedLines, redrawn } from './lines.ts';
import type { Lines } from './lines.ts';
import { meanOver } from './metrics.ts';

/** How many of the images of one class in one group a model gets right, as fractions of 1. */
export type ClassRate = {
  readonly model: string;
  readonly truePositiveRate: number;
  readonly truePositiveRateInterval: Interval;
  /** The original's rate minus this one. */
  readonly drop: number;
  readonly dropInterval: Interval;
};

/** The images of one class in one group. */
export type Cell = { readonly group: string; readonly class: string; readonly n: number };

/** True-positive rates of each class by group. */
export type ClassRates = {
  readonly cells: readonly (Cell & { readonly models: readonly ClassRate[] })[];
  /** Cells with fewer images than the gaps of the report count. */
  readonly leftOut: readonly Cell[];
};

export type ClassRateOptions = {
  /** The names of the lines of the report, and the networks of each. */
  readonly models: readonly string[];
  readonly lines: Lines;
  /** 1 if a network is right, else 0: scores[network][sample]. */
  readonly scores: readonly Float64Array[];
  readonly labels: ArrayLike<number>;
  readonly classNames: readonly string[];
  /** Cells with fewer samples are left out. */
  readonly fewest: number;
  readonly resamples: number;
  readonly confidence: number;
  readonly seed: number;
};

/**
 * The rates of each class in each group, with intervals of a paired bootstrap of its own. Undefined if no
 * group has samples of two classes: its accuracy is then the rate of its class.
 */
export function classRates(
  names: readonly string[],
  members: readonly Int32Array[],
  options: ClassRateOptions,
): ClassRates | undefined {
  const { labels, classNames, fewest } = options;
  const all = members.flatMap((group, g) =>
    classNames.map((name, label) => {
      const samples = group.filter((i) => labels[i] === label);
      return { cell: { group: names[g]!, class: name, n: samples.length }, samples };
    }),
  );
  const present = all.filter(({ samples }) => samples.length > 0);
  if (present.length <= members.length) return undefined;
  const large = present.filter(({ samples }) => samples.length >= fewest);
  const rates = ratesOf(
    large.map(({ samples }) => samples),
    options,
  );
  return {
    cells: large.map(({ cell }, c) => ({ ...cell, models: rates.map((ofModel) => ofModel[c]!) })),
    leftOut: present.filter(({ samples }) => samples.length < fewest).map(({ cell }) => cell),
  };
}

/** rates[model][cell] */
function ratesOf(cells: readonly Int32Array[], options: ClassRateOptions): ClassRate[][] {
  const { models, lines, scores, resamples, confidence, seed } = options;
  const estimate = (means: readonly (readonly number[])[]) =>
    means.map((network) => network.map((rate, c) => ({ rate, drop: means[0]![c]! - rate })));
  const found = averagedLines(estimate(scores.map((own) => cells.map((cell) => meanOver(own, cell)))), lines);
  const draw = seededDraw(seed);
  const intervals = bootstrap(
    scores,
    cells,
    (means) => averagedLines(estimate(means), redrawn(lines, draw)),
    { resamples, confidence, draw },
  ) as unknown as { rate: Interval; drop: Interval }[][];
  return models.map((model, m) =>
    cells.map((_, c) => ({
      model,
      truePositiveRate: found[m]![c]!.rate,
      truePositiveRateInterval: intervals[m]![c]!.rate,
      drop: found[m]![c]!.drop,
      dropInterval: intervals[m]![c]!.drop,
    })),
  );
}
