/** Sums and counts as their logarithms, base 2. */

/** log2(2^a + 2^b + ...) */
export function sum(...terms: readonly number[]): number {
  const most = Math.max(...terms);
  if (!Number.isFinite(most)) return most;
  return most + Math.log2(terms.reduce((total, term) => total + 2 ** (term - most), 0));
}

const factorials = [0, 0];

/** log2 of n over m; -Infinity where there is no way. */
export function choose(n: number, m: number): number {
  if (m < 0 || m > n) return -Infinity;
  for (let i = factorials.length; i <= n; i++) factorials.push(factorials[i - 1]! + Math.log2(i));
  return factorials[n]! - factorials[m]! - factorials[n - m]!;
}

/** The same for real numbers, by the gamma function. */
export function chooseReal(n: number, m: number): number {
  if (m < 0 || m > n) return -Infinity;
  return (logGamma(n + 1) - logGamma(m + 1) - logGamma(n - m + 1)) / Math.LN2;
}

/** Stirling's series, after a shift to 10 and more: 12 digits. */
function logGamma(x: number): number {
  let shift = 0;
  for (; x < 10; x++) shift -= Math.log(x);
  const square = x * x;
  const series = (1 / 12 - (1 / 360 - (1 / 1260 - 1 / (1680 * square)) / square) / square) / x;
  return shift + (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series;
}
