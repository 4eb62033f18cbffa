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
 * Flooding makes c0 uniform whatever the noise (rerandomize.ts), so no size of it tells of the weights; but noise moves |e| t / Q of all
 * coefficients over the edge of a plaintext's cell, and the client's share of those is one unit off. That has probability below 2^-40
 * at the tail of e, so that answers, too, tell nothing of e. Its mean is 11 times below the tail.
 */
export const edgeBits = 40;

/** log2 of the noise of one response coefficient, exceeded with probability below 2^-53. */
export function noiseBits(weightCount: number, weightBits: number): number {
  return Math.log2(tail * (2 ** weightBits - 1) * Math.sqrt(weightCount));
}

/** log2 of Q / t, the width of a plaintext's cell before the switch. */
export function linearCellBits(): number {
  return linearParams.primeBits.reduce((sum, bits) => sum + bits, 0) - linearParams.plain.bits;
}

/** How many bits the cell is wider than it must be for |e| / width to stay under 2^-40; negative: too few. */
export function headroomBits(layout: Layout): number {
  const { spec, outputChannels } = layout;
  const weights = outputChannels * (spec.inChannels / spec.group) * spec.kernel[0] * spec.kernel[1];
  return linearCellBits() - edgeBits - noiseBits(weights, spec.weightBits);
}
