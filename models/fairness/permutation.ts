/** How many images of a set changed from right to wrong (lost) and from wrong to right (gained). */
export type Changes = { readonly n: number; readonly lost: number; readonly gained: number };

/** Counts the changes among `members`, for scores per sample that are 0 or 1. */
export function changesOf(before: Float64Array, after: Float64Array, members: ArrayLike<number>): Changes {
  let [lost, gained] = [0, 0];
  for (let i = 0; i < members.length; i++) {
    const sample = members[i]!;
    if (before[sample]! > after[sample]!) lost++;
    if (before[sample]! < after[sample]!) gained++;
  }
  return { n: members.length, lost, gained };
}

/**
 * One-sided permutation test of "this group loses more accuracy than the rest". The p-value is the
 * probability, over all ways to draw a group of this size from `all`, of a studentised difference of mean
 * drops at least as large as the observed one.
 *
 * A permutation changes only two counts, the lost and the gained images in the group, which are
 * hypergeometric. The p-value is therefore an exact sum, without random draws. It is exact if the group
 * changes its answers as often as the rest does. Studentising (Janssen 1997; Chung and Romano 2013) makes
 * it right for unlike groups too, but only in the limit of many changes; `unlikePValue` is for fewer. NaN
 * if there is no rest.
 */
export function permutationPValue(group: Changes, all: Changes): number {
  const rest = all.n - group.n;
  if (group.n < 1 || rest < 1) return NaN;
  const seen = studentised(group.lost, group.gained, group.n, all);
  if (seen === 0 && all.lost + all.gained === 0) return 1;
  const logFactorial = logFactorials(all.n);
  const choose = (n: number, k: number) =>
    k < 0 || k > n ? -Infinity : logFactorial[n]! - logFactorial[k]! - logFactorial[n - k]!;
  const unchanged = all.n - all.lost - all.gained;
  const deals = choose(all.n, group.n);
  const [lostFrom, lostTo] = range(all.lost, group.lost, group.n, all.n);
  const [gainedFrom, gainedTo] = range(all.gained, group.gained, group.n, all.n);
  // Equal statistics may differ in their last bits.
  const tolerance = 1e-9 * (1 + Math.abs(seen === Infinity ? 0 : seen));
  let p = 0;
  for (let lost = lostFrom; lost <= lostTo; lost++) {
    for (let gained = gainedFrom; gained <= gainedTo; gained++) {
      const log = choose(unchanged, group.n - lost - gained);
      if (log === -Infinity || studentised(lost, gained, group.n, all) < seen - tolerance) continue;
      p += Math.exp(log + choose(all.lost, lost) + choose(all.gained, gained) - deals);
    }
  }
  return Math.min(1, p);
}

/**
 * The counts within 8 standard deviations of the hypergeometric mean, and the observed count. All others
 * together have a probability below 10^-13.
 */
function range(marked: number, seen: number, drawn: number, n: number): [number, number] {
  const share = marked / n;
  const mean = drawn * share;
  const spread = Math.sqrt((mean * (1 - share) * (n - drawn)) / Math.max(1, n - 1));
  const width = 8 * spread + 10;
  return [
    Math.max(0, drawn + marked - n, Math.min(seen, Math.floor(mean - width))),
    Math.min(drawn, marked, Math.max(seen, Math.ceil(mean + width))),
  ];
}

/** Welch's t of the group's drops against the rest's, where a drop is 1 (lost), -1 (gained) or 0. */
export function studentised(lost: number, gained: number, n: number, all: Changes): number {
  const group = moments(lost, gained, n);
  const rest = moments(all.lost - lost, all.gained - gained, all.n - n);
  const difference = group.mean - rest.mean;
  if (difference === 0) return 0;
  return difference / Math.sqrt(group.varianceOfMean + rest.varianceOfMean);
}

function moments(lost: number, gained: number, n: number): Moments {
  return momentsOf({ n, sum: lost - gained, squares: lost + gained });
}

/** The number, sum and sum of squares of drops in accuracy. */
export type Sums = { readonly n: number; readonly sum: number; readonly squares: number };

export type Moments = { readonly mean: number; readonly varianceOfMean: number };

export function momentsOf({ n, sum, squares }: Sums): Moments {
  const mean = sum / n;
  const variance = n > 1 ? ((squares / n - mean ** 2) * n) / (n - 1) : 0;
  return { mean, varianceOfMean: Math.max(0, variance) / n };
}

/** The sums over the members of `a` that are not in `b`. */
export function without(a: Sums, b: Sums): Sums {
  return { n: a.n - b.n, sum: a.sum - b.sum, squares: a.squares - b.squares };
}

function logFactorials(n: number): Float64Array {
  const table = new Float64Array(n + 1);
  for (let i = 2; i <= n; i++) table[i] = table[i - 1]! + Math.log(i);
  return table;
}

/**
 * Holm's step-down adjustment (1979) of p-values for the number of tests. NaN marks an untested group and
 * stays NaN.
 */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues
    .map((p, i) => ({ p, i }))
    .filter(({ p }) => !Number.isNaN(p))
    .sort((a, b) => a.p - b.p);
  const adjusted = pValues.map(() => NaN);
  let largest = 0;
  order.forEach(({ p, i }, rank) => {
    largest = Math.max(largest, Math.min(1, p * (order.length - rank)));
    adjusted[i] = largest;
  });
  return adjusted;
}

/**
 * The smallest excess loss against the rest, as a fraction, that the test would notice four times in five at
 * a level of 5 % shared by `tests` groups (normal approximation with the observed changes). It is at least 3
 * / n, because that much may go unseen at 95 % if nothing changed (rule of three).
 */
export function detectableLoss(group: Changes, all: Changes, tests: number): number {
  return detectableMeanLoss(sumsOf(group), sumsOf(all), tests);
}

/** Like `detectableLoss`, from sums, for drops that are means over networks. */
export function detectableMeanLoss(group: Sums, all: Sums, tests: number): number {
  const rest = without(all, group);
  if (group.n < 1 || rest.n < 1) return NaN;
  const variance = momentsOf(group).varianceOfMean + momentsOf(rest).varianceOfMean;
  const level = normalQuantile(1 - 0.05 / Math.max(1, tests));
  return Math.min(1, Math.max(3 / group.n, (level + normalQuantile(0.8)) * Math.sqrt(variance)));
}

function sumsOf({ n, lost, gained }: Changes): Sums {
  return { n, sum: lost - gained, squares: lost + gained };
}

/** The quantile of the standard normal distribution, by bisection to about 10^-6. */
export function normalQuantile(probability: number): number {
  let [low, high] = [-9, 9];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (normalDistribution(middle) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The standard normal distribution function (Abramowitz and Stegun 26.2.17), with an error below 7.5e-8. */
function normalDistribution(x: number): number {
  if (x < 0) return 1 - normalDistribution(-x);
  const t = 1 / (1 + 0.2316419 * x);
  const polynomial =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return 1 - (polynomial * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
