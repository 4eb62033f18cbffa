import { linearParams } from '../params.ts';
import type { Layout } from './pack.ts';

/**
 * Noise of a response, before flooding, is sum_j e_j w_j over the non-zero coefficients w_j of the weight polynomials that go into
 * one output ciphertext. e_j is a fresh encryption's noise: a centred binomial over 21 pairs of bits (SEAL 4.1,
 * `sample_poly_cbd`), sub-Gaussian with proxy variance 10.5, plus the rounding of Q m / t, at most 1/2, proxy 1/4. So
 * P(|e| > c ||w||_2) <= 2 exp(-c^2 / 21.5), which is 2^-53, that is 2^-41 for all N = 4096 coefficients together, at c = 28.4.
 */
const tail = Math.sqrt(21.5 * 54 * Math.LN2);

/**
 * Statistical security of every returned coefficient, against the tail of the noise. For a whole response the distances of its
 * coefficients add up, at the mean of |e|, which is 11 times below that tail: 16 -> 16 channels of 28 x 28 with 7-bit
 * weights have 5 bits of headroom and 12,544 coefficients, so 2^-(40 + 5 + 3.5) each and 2^-35 together.
 */
export const statisticalBits = 40;

/** log2 of the noise of one response coefficient, exceeded with probability below 2^-53. */
export function noiseBits(weightCount: number, weightBits: number): number {
  return Math.log2(tail * (2 ** weightBits - 1) * Math.sqrt(weightCount));
}

/** log2 of the width of the flooding, Q / t less a thirty-second on account of `floodRange` in flood.ts. */
export function linearFloodBits(): number {
  const modulus = linearParams.primeBits.reduce((sum, bits) => sum + bits, 0);
  return modulus - linearParams.plain.bits + Math.log2(31 / 32);
}

/**
 * How many bits the flooding is wider than it must be. A coefficient's distribution moves by |e| / width with the weights, which
 * has to stay under 2^-40; negative: too few.
 */
export function headroomBits(layout: Layout): number {
  const { spec, outputChannels } = layout;
  const weights = outputChannels * (spec.inChannels / spec.group) * spec.kernel[0] * spec.kernel[1];
  return linearFloodBits() - statisticalBits - noiseBits(weights, spec.weightBits);
}
