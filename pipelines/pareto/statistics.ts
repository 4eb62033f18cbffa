/**
 * A mean over seeds and its 95 % interval by Student's t distribution. The interval is null for fewer than
 * two values.
 */
export type Estimate = {
  readonly mean: number;
  readonly interval: readonly [low: number, high: number] | null;
  readonly n: number;
};

/** Estimates the mean of one or more values. */
export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, interval: null, n };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = quantile975(n - 1) * Math.sqrt(variance / n);
  return { mean, interval: [mean - half, mean + half], n };
}

/**
 * The 97.5 % quantiles of Student's t for 1 to 10 degrees of freedom (Abramowitz and Stegun, table 26.10).
 */
const small = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

const normal975 = 1.959964;

/**
 * The 97.5 % quantile of Student's t. Above the table it is the expansion of Abramowitz and Stegun 26.7.5
 * with three terms, which is off by less than 0.0005 from 11 degrees of freedom on.
 */
export function quantile975(degrees: number): number {
  const listed = small[degrees - 1];
  if (listed !== undefined) return listed;
  const z = normal975;
  return (
    z +
    (z ** 3 + z) / (4 * degrees) +
    (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * degrees ** 2) +
    (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * degrees ** 3)
  );
}
