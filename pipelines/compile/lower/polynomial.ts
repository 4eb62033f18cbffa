import { valueBits } from '../scale-limits.ts';

/** The polynomial y = c2 x^2 + c1 x + c0 of a channel, and its range in calibration: |x| <= reach. */
export type Polynomial = {
  readonly c2: number;
  readonly c1: number;
  readonly c0: number;
  readonly reach: number;
};

/** The scales of the input and the output, and the truncations of the layer's specs. */
export type PolynomialScales = {
  readonly input: number;
  readonly output: number;
  readonly guard: number;
  readonly square: number;
  readonly affine: number;
};

export type AffineFit = { readonly multiplier: number; readonly offset: number; readonly error: number };
export type SquareFit = AffineFit & { readonly sign: 1 | -1; readonly constant: number };

/**
 * The square form sign (alpha x + beta)^2 + gamma. alpha is rounded to the few bits of the multiplier, and
 * beta and gamma are computed from the rounded alpha, so that c1 and c0 stay right. `error` bounds the
 * distance to the polynomial for |x| <= reach, with truncation. Undefined if z = alpha x + beta does not fit
 * into 15 bits.
 */
export function fitSquare(p: Polynomial, scales: PolynomialScales): SquareFit | undefined {
  const zScale = Math.sqrt(scales.output);
  const unit = scales.input / (zScale * 2 ** scales.square);
  const multiplier = Math.round(Math.sqrt(Math.abs(p.c2)) / unit);
  if (multiplier === 0) return undefined;
  const sign = p.c2 < 0 ? -1 : 1;
  const alpha = multiplier * unit;
  const offset = Math.round((p.c1 * sign * zScale) / (2 * alpha));
  const beta = offset / zScale;
  if ((alpha * p.reach * scales.guard + Math.abs(beta)) * zScale + 1 >= 2 ** 15) return undefined;
  const constant = Math.round((p.c0 - sign * beta * beta) * scales.output);
  if (Math.abs(constant) >= 2 ** 30) return undefined;
  const z = alpha * p.reach + Math.abs(beta);
  const error =
    Math.abs(sign * alpha * alpha - p.c2) * p.reach ** 2 +
    Math.abs(2 * sign * alpha * beta - p.c1) * p.reach +
    (2 * z * zScale + 2) / scales.output;
  return { multiplier, offset, sign, constant, error };
}

/** The line c1 x + c0 + c2 reach^2 / 2, which is at most |c2| reach^2 / 2 from the polynomial. */
export function fitAffine(p: Polynomial, scales: PolynomialScales): AffineFit {
  const unit = scales.input / (scales.output * 2 ** scales.affine);
  const multiplier = Math.round(p.c1 / unit);
  const half = (p.c2 * p.reach ** 2) / 2;
  const error = Math.abs(multiplier * unit - p.c1) * p.reach + Math.abs(half) + 1.5 / scales.output;
  return { multiplier, offset: Math.round((p.c0 + half) * scales.output), error };
}

/**
 * The largest truncation t with |multiplier x| < 2^29 in every channel, where a multiplier is gain * scale *
 * 2^t.
 */
export function largestTruncation(
  channels: readonly { readonly gain: number; readonly reach: number }[],
  scale: number,
  input: number,
  guard: number,
): number {
  const fits = (t: number) =>
    channels.every(({ gain, reach }) => {
      const multiplier = Math.round(Math.abs(gain) * scale * 2 ** t);
      return multiplier * reach * input * guard < 2 ** valueBits && multiplier < 2 ** 20;
    });
  let t = 28;
  while (t > 0 && !fits(t)) t--;
  return t;
}
