import { linearParams } from '../params.ts';
import type { Layout } from './pack.ts';

/**
 * The tail bound of a response's noise, in deviations.
 *
 * Before flooding, the noise of a response is sum_j e_j w_j over the non-zero coefficients w_j of the weight
 * polynomials that go into one output ciphertext. e_j is the noise of a fresh encryption: a centred binomial
 * over 21 pairs of bits (SEAL 4.1, `sample_poly_cbd`), sub-Gaussian with proxy variance 10.5, plus the
 * rounding of Q m / t, at most 1/2, with proxy variance 1/4. So P(|e| > c ||w||_2) <= 2 exp(-c^2 / 21.5). At
 * c = 28.4 that is 2^-53, or 2^-41 for all N = 4096 coefficients together.
 */
const tail = Math.sqrt(21.5 * 54 * Math.LN2);

/**
 * Flooding makes c0 uniform whatever the noise (rerandomize.ts), so the size of the noise tells nothing about
 * the weights. But noise moves |e| t / Q of all coefficients over the edge of a plaintext's cell, and the
 * client's share of those is wrong by one unit. Even at the tail of e this has probability below 2^-40, so
 * the answers tell nothing about e either. The mean of |e| is 11 times below the tail.
 */
export const edgeBits = 40;

/** log2 of the noise of one response coefficient. It is exceeded with probability below 2^-53. */
export function noiseBits(weightCount: number, weightBits: number): number {
  return Math.log2(tail * (2 ** weightBits - 1) * Math.sqrt(weightCount));
}

/** log2 of Q / t, the width of a plaintext's cell before the modulus switch. */
export function linearCellBits(): number {
  return linearParams.primeBits.reduce((sum, bits) => sum + bits, 0) - linearParams.plain.bits;
}

/**
 * The bits by which the cell is wider than |e| / width < 2^-40 needs. Negative when the cell is too narrow.
 */
export function headroomBits(layout: Layout): number {
  const { spec, outputChannels } = layout;
  const weights = outputChannels * (spec.inChannels / spec.group) * spec.kernel[0] * spec.kernel[1];
  return linearCellBits() - edgeBits - noiseBits(weights, spec.weightBits);
}
