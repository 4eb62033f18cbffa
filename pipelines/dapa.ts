import { normalCdf, normalDensity } from './normal.ts';

/** c2 x^2 + c1 x + c0. */
export type Quadratic = { readonly c2: number; readonly c1: number; readonly c0: number };

/**
 * The polynomial of the given degree that minimises E[(ReLU(x) - p(x))^2] for x ~ N(mean, sigma^2), and that minimum
 * (AutoReP's distribution-aware polynomial, [papers.md] B.2). `sigma` is the standard deviation, not the variance. Where it is 0,
 * p is x or 0 by the sign of the mean.
 */
export function dapaCoefficients(mean: number, sigma: number, degree: 1 | 2): Quadratic & { mse: number } {
  if (!(sigma > 0)) return { c2: 0, c1: mean > 0 ? 1 : 0, c0: 0, mse: 0 };
  const z = mean / sigma;
  const phi = normalDensity(z);
  const cdf = normalCdf(z);
  const c2 = degree === 1 ? 0 : phi / (2 * sigma);
  const coefficients =
    degree === 1
      ? { c2, c1: cdf, c0: sigma * phi }
      : { c2, c1: cdf - z * phi, c0: (mean * mean + sigma * sigma) * c2 };
  return { ...coefficients, mse: polynomialError(mean, sigma, coefficients) };
}

/**
 * E[(ReLU(x) - p(x))^2] for x ~ N(mean, sigma^2) and any quadratic p. With M_k = E[x^k] and T_k = E[x^k; x > 0], integration
 * by parts gives M_k = mean M_{k-1} + (k-1) sigma^2 M_{k-2}, the same for T_k from k = 2 on, and T_1 = mean Phi + sigma phi.
 */
export function polynomialError(mean: number, sigma: number, { c2, c1, c0 }: Quadratic): number {
  const z = sigma > 0 ? mean / sigma : mean > 0 ? Infinity : -Infinity;
  const variance = sigma * sigma;
  const [m1, t0, t1] = [mean, normalCdf(z), mean * normalCdf(z) + sigma * normalDensity(z)];
  const m2 = mean * m1 + variance;
  const m3 = mean * m2 + 2 * variance * m1;
  const m4 = mean * m3 + 3 * variance * m2;
  const t2 = mean * t1 + variance * t0;
  const t3 = mean * t2 + 2 * variance * t1;
  const square = c2 * c2 * m4 + 2 * c2 * c1 * m3 + (c1 * c1 + 2 * c2 * c0) * m2 + 2 * c1 * c0 * m1 + c0 * c0;
  return Math.max(0, t2 - 2 * (c2 * t3 + c1 * t2 + c0 * t1) + square); // rounding may leave a tiny negative
}
