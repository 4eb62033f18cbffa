/**
 * Tests of hypotheses, as standard deviations. A bound of 6 on a normal value is crossed by chance once in 5
 * * 10^8 runs (two-sided); seeds are fixed, so a test that passes keeps passing.
 */
export const sixSigma = 6;

/**
 * Pearson's chi-squared of `counts` against equal frequencies, turned into a normal value (Wilson and
 * Hilferty, 1931).
 */
export function uniformityZ(counts: ArrayLike<number>): number {
  const bins = counts.length;
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  const expected = total / bins;
  const chi = Array.from(counts).reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  const freedom = bins - 1;
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(chi / freedom) - (1 - spread)) / Math.sqrt(spread);
}

/**
 * Pearson's chi-squared of two samples for one distribution, turned into a normal value in the same way. Bins
 * with fewer than ten values in both together are left out.
 */
export function homogeneityZ(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [ofA, ofB] = [a, b].map((counts) => Array.from(counts).reduce((sum, count) => sum + count, 0));
  const kept = Array.from(a, (_, bin) => bin).filter((bin) => a[bin]! + b[bin]! >= 10);
  const freedom = kept.length - 1;
  if (freedom < 1) throw new RangeError('homogeneityZ: expected at least 20 values in two bins');
  const ratio = Math.sqrt(ofB! / ofA!);
  const chi = kept.reduce(
    (sum, bin) => sum + (a[bin]! * ratio - b[bin]! / ratio) ** 2 / (a[bin]! + b[bin]!),
    0,
  );
  const spread = 2 / (9 * freedom);
  return (Math.cbrt(chi / freedom) - (1 - spread)) / Math.sqrt(spread);
}

/**
 * How far the number of successes of independent trials with these probabilities is from its mean, in
 * standard deviations.
 */
export function trialsZ(successes: number, probabilities: Iterable<number>): number {
  let mean = 0;
  let variance = 0;
  for (const p of probabilities) {
    mean += p;
    variance += p * (1 - p);
  }
  return (successes - mean) / Math.sqrt(variance);
}

/** Counts of the byte at `shift` of each word, 256 bins. */
export function byteCounts(words: Uint32Array, shift: 0 | 8 | 16 | 24): Uint32Array {
  const counts = new Uint32Array(256);
  for (const word of words) counts[(word >>> shift) & 0xff]!++;
  return counts;
}

/** The worst of the four bytes of uniform words. */
export function wordsZ(words: Uint32Array): number {
  return Math.max(...([0, 8, 16, 24] as const).map((shift) => uniformityZ(byteCounts(words, shift))));
}

/** Ones among bits that should be fair coins, in standard deviations from a half, either side. */
export function coinsZ(bits: ArrayLike<number>): number {
  let ones = 0;
  for (let i = 0; i < bits.length; i++) ones += bits[i]! & 1;
  return Math.abs(ones - bits.length / 2) / Math.sqrt(bits.length / 4);
}

/** Values that should be uniform in [0, modulus), in 256 bins. */
export function residuesZ(values: ArrayLike<number>, modulus: number): number {
  const counts = new Uint32Array(256);
  for (let i = 0; i < values.length; i++) counts[Math.floor((256 * values[i]!) / modulus)]!++;
  return uniformityZ(counts);
}

/** Largest distance of two empirical distributions. */
export function kolmogorovSmirnov(a: readonly number[], b: readonly number[]): number {
  const x = a.toSorted((p, q) => p - q);
  const y = b.toSorted((p, q) => p - q);
  let [i, j, largest] = [0, 0, 0];
  while (i < x.length && j < y.length) {
    if (x[i]! <= y[j]!) i++;
    else j++;
    largest = Math.max(largest, Math.abs(i / x.length - j / y.length));
  }
  return largest;
}

/** The distance that two samples of n from one distribution exceed with probability 10^-9. */
export const smirnovBound = (n: number): number => Math.sqrt(-Math.log(1e-9 / 2) / 2) * Math.sqrt(2 / n);
