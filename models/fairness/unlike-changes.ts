import { momentsOf, studentised } from './permutation.ts';
import type { Changes, Moments } from './permutation.ts';

/**
 * One-sided test of "this group loses more accuracy than the rest", for a group that may change its
 * answers more or less often than the rest. The null hypothesis is that both lose the same share of their
 * images on average; how many of each change is left open.
 *
 * The p-value is the probability of a studentised difference at least as large as the observed one, where
 * lost and gained images are drawn with the most likely rates under the null hypothesis (the "E" p-value
 * of Lloyd, Aust. N. Z. J. Stat. 2008). It is an exact sum over all counts, without random draws. NaN if
 * there is no rest.
 */
export function unlikePValue(group: Changes, all: Changes): number {
  const rest = { n: all.n - group.n, lost: all.lost - group.lost, gained: all.gained - group.gained };
  if (group.n < 1 || rest.n < 1) return NaN;
  const seen = studentised(group.lost, group.gained, group.n, all);
  if (seen <= 0 && group.lost + group.gained + rest.lost + rest.gained === 0) return 1;
  const [ofGroup, ofRest] = ratesUnderNull(group, rest);
  return tail(group.n, ofGroup, rest.n, ofRest, seen);
}

/** The probabilities that an image is lost or gained. */
export type Rates = { readonly lost: number; readonly gained: number };

/**
 * The most likely rates of both sides if the difference of lost and gained is the same in both. The profile
 * likelihood is concave in that difference, so its maximum is found by golden sections.
 */
export function ratesUnderNull(group: Changes, rest: Changes): readonly [Rates, Rates] {
  const both = (difference: number) => [ratesAt(group, difference), ratesAt(rest, difference)] as const;
  const likelihood = (difference: number) => {
    const [a, b] = both(difference);
    return logLikelihood(group, a) + logLikelihood(rest, b);
  };
  const [a, b] = [meanOf(group), meanOf(rest)];
  return both(highest(likelihood, Math.min(a, b), Math.max(a, b)));
}

const meanOf = ({ n, lost, gained }: Changes): number => (lost - gained) / n;

function highest(f: (x: number) => number, from: number, to: number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  for (let i = 0; i < 60; i++) {
    const [left, right] = [high - golden * (high - low), low + golden * (high - low)];
    if (f(left) < f(right)) low = left;
    else high = right;
  }
  return (low + high) / 2;
}

/**
 * The most likely rates of one side if lost - gained is `difference` (Tango, Statistics in Medicine
 * 1998). With the gained rate g, the derivative of the likelihood is lost / (g + difference) + gained / g
 * - 2 * unchanged / (1 - 2 g - difference), which is a quadratic in g.
 */
function ratesAt({ n, lost, gained }: Changes, difference: number): Rates {
  const a = 2 * n;
  const b = (2 * n - lost + gained) * difference - lost - gained;
  const c = -gained * difference * (1 - difference);
  const root = (-b + Math.sqrt(Math.max(0, b * b - 4 * a * c))) / (2 * a);
  const own = Math.min((1 - difference) / 2, Math.max(0, -difference, root));
  return { lost: Math.max(0, own + difference), gained: own };
}

function logLikelihood({ n, lost, gained }: Changes, rates: Rates): number {
  const term = (count: number, rate: number) => (count === 0 ? 0 : count * Math.log(Math.max(rate, 1e-300)));
  return (
    term(lost, rates.lost) +
    term(gained, rates.gained) +
    term(n - lost - gained, 1 - rates.lost - rates.gained)
  );
}

/** The probability that the statistic of two sides with these rates is at least `seen`. */
function tail(n: number, rates: Rates, restN: number, restRates: Rates, seen: number): number {
  const least = seen - 1e-9 * (1 + (Number.isFinite(seen) ? Math.abs(seen) : 0));
  const rest = changedOf(restN, restRates);
  let p = 0;
  for (const { count, probability, lost } of changedOf(n, rates)) {
    for (let i = 0; i < lost.probabilities.length; i++) {
      const weight = probability * lost.probabilities[i]!;
      if (weight < negligible) continue;
      const sum = 2 * (lost.from + i) - count;
      p += weight * tailOfRest(momentsOf({ n, sum, squares: count }), restN, rest, least);
    }
  }
  return Math.min(1, p);
}

/** Counts of the group that are rarer than this are left out: together below 10^-6. */
const negligible = 1e-11;

/**
 * The probability that the rest's counts make the statistic at least `least`. For one number of changed
 * images the statistic falls as more of them are lost. The largest number of lost images that reaches it
 * moves little from one number of changed images to the next, so that it is found by walking.
 */
function tailOfRest(group: Moments, n: number, rest: readonly Changed[], least: number): number {
  const { mean, varianceOfMean } = group;
  const inMeans = n > 1 ? 1 / (n - 1) : 0;
  let p = 0;
  let most = -1;
  for (let i = 0; i < rest.length; i++) {
    const { count, probability, lost } = rest[i]!;
    const [from, end] = [lost.from, lost.from + lost.cumulative.length - 1];
    most = Math.max(from - 1, Math.min(most, end));
    while (most < end && reaches(most + 1, count)) most++;
    while (most >= from && !reaches(most, count)) most--;
    if (most >= from) p += probability * lost.cumulative[most - from]!;
  }
  return p;

  function reaches(own: number, count: number): boolean {
    const restMean = (2 * own - count) / n;
    const variance = Math.max(0, count / n - restMean * restMean) * inMeans + varianceOfMean;
    return reached(mean - restMean, variance, least);
  }
}

/** Whether difference / sqrt(variance) is at least `least`; 0 / 0 is 0, as in `studentised`. */
function reached(difference: number, variance: number, least: number): boolean {
  if (Math.abs(difference) < 1e-14) return least <= 0;
  if (variance === 0) return difference > 0 || least === -Infinity;
  if (difference > 0 !== least > 0) return difference > 0;
  const larger = difference * difference >= least * least * variance;
  return larger === difference > 0 || difference * difference === least * least * variance;
}

/** A number of changed images, its probability, and the distribution of the lost ones among them. */
type Changed = { readonly count: number; readonly probability: number; readonly lost: Binomial };

function changedOf(n: number, { lost, gained }: Rates): Changed[] {
  const changed = Math.min(1, lost + gained);
  const counts = binomial(n, changed);
  const share = changed === 0 ? 0 : Math.min(1, lost / changed);
  return Array.from(counts.probabilities, (probability, i) => ({
    count: counts.from + i,
    probability,
    lost: binomial(counts.from + i, share),
  }));
}

type Binomial = {
  /** The count of the first entry. Counts beyond the entries have a probability below 10^-7 together. */
  readonly from: number;
  readonly probabilities: Float64Array;
  readonly cumulative: Float64Array;
};

function binomial(n: number, p: number): Binomial {
  const [mean, width] = [n * p, 5.5 * Math.sqrt(n * p * (1 - p)) + 4];
  const from = Math.max(0, Math.floor(mean - width));
  const to = Math.min(n, Math.ceil(mean + width));
  const probabilities = new Float64Array(to - from + 1);
  const mode = Math.min(n, Math.floor((n + 1) * p));
  probabilities[mode - from] = 1;
  const odds = p / (1 - p);
  for (let k = mode + 1; k <= to; k++)
    probabilities[k - from] = probabilities[k - 1 - from]! * ((n - k + 1) / k) * odds;
  for (let k = mode - 1; k >= from; k--)
    probabilities[k - from] = (probabilities[k + 1 - from]! * ((k + 1) / (n - k))) / odds;
  const total = probabilities.reduce((sum, value) => sum + value, 0);
  let sum = 0;
  const cumulative = probabilities.map((value, i) => (sum += probabilities[i] = value / total));
  return { from, probabilities, cumulative };
}
