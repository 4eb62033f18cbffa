/** Density of the standard normal distribution. */
export function normalDensity(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}

/** Its distribution function, to about 1e-15 of its value on either side. */
export function normalCdf(z: number): number {
  return z < 0 ? upperTail(-z) : 1 - upperTail(z);
}

/** P(X > z), z >= 0. */
function upperTail(z: number): number {
  return z < 3 ? 0.5 - normalDensity(z) * risingSeries(z) : normalDensity(z) * millsRatio(z);
}

/** z + z^3/3 + z^5/(3 5) + ...: all terms positive, nothing cancels (Abramowitz and Stegun 26.2.11). */
function risingSeries(z: number): number {
  let term = z;
  let sum = z;
  for (let n = 3; term > sum * Number.EPSILON; n += 2) {
    term *= (z * z) / n;
    sum += term;
  }
  return sum;
}

/** 1/(z + 1/(z + 2/(z + 3/(z + ...)))) from the inside out (26.2.14); 100 levels suffice for z >= 3. */
function millsRatio(z: number): number {
  let fraction = z;
  for (let n = 100; n >= 1; n--) fraction = z + n / fraction;
  return 1 / fraction;
}
