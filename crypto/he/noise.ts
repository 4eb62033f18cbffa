import { linearParams } from '../params.ts';
import type { Layout } from './pack.ts';

/**
 * The noise of c0 + c1 s in an answer of a linear layer.
 *
 * It is sum_j e_j w_j over the non-zero coefficients w_j of the weight polynomials that go into one answer,
 * and what hides them adds little. e_j is the noise of a fresh encryption: a centred binomial over 21 pairs
 * of bits (SEAL 4.1, `sample_poly_cbd`) with variance 10.5, plus the rounding of Q m / t, at most 1/2, with
 * proxy variance 1/4. Both are sub-Gaussian.
 */
const variance = 10.5 + 1 / 4;

/**
 * E|e| / ||w||_2, for a sum that is close to normal. The probability that noise moves an element over the
 * edge of its plaintext's cell is E|e| t / Q, because p0 v makes the place in the cell uniform: a mean over
 * the client's honest noise, which the tail does not enter.
 */
const mean = Math.sqrt((2 / Math.PI) * variance);

/**
 * P(|e| > c ||w||_2) <= 2 exp(-c^2 / (2 variance)). At c = 28.4 that is 2^-53, or 2^-41 for all N = 4096
 * coefficients together.
 */
const tail = Math.sqrt(2 * variance * 54 * Math.LN2);

/**
 * Noise moves E|e| t / Q of the elements over the edge of a plaintext's cell, and the two shares of those add
 * up to one unit more or less. A layout is refused unless this has probability below 2^-40 an element.
 */
export const edgeBits = 40;

/** log2 of a bound on the noise of one response coefficient. It is exceeded with probability below 2^-53. */
export function noiseBoundBits(weightCount: number, weightBits: number): number {
  return Math.log2(tail) + normBits(weightCount, weightBits);
}

/** log2 of the largest norm that so many weights can have. */
function normBits(weightCount: number, weightBits: number): number {
  return Math.log2((2 ** weightBits - 1) * Math.sqrt(weightCount));
}

/** log2 of Q / t, the width of a plaintext's cell. */
function linearCellBits(): number {
  return linearParams.primeBits.reduce((sum, bits) => sum + bits, 0) - linearParams.plainBits;
}

/** The bits by which the cell is wider than E|e| / width < 2^-40 needs. Negative when it is too narrow. */
export function headroomBits(layout: Layout): number {
  const { spec, outputChannels } = layout;
  const weights = outputChannels * (spec.inChannels / spec.group) * spec.kernel[0] * spec.kernel[1];
  return linearCellBits() - edgeBits - Math.log2(mean) - normBits(weights, spec.weightBits);
}
