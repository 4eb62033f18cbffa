import { createHash } from 'node:crypto';
import type { Groups } from '../../../models/fairness/groups.ts';

/**
 * Constraints on the groups: the mean loss of each group may exceed that of all images by at most
 * `toleranceNats`.
 */
export type Constraints = {
  /**
   * How a constraint is measured. signed: c_g = L_g - L_all - tolerance, so a multiplier shrinks if its group
   * is better off than asked. hinge: max(0, c_g), so only groups that are worse off than asked have weight,
   * and multipliers never shrink.
   */
  readonly form: 'signed' | 'hinge';
  /** The tolerance in nats. */
  readonly toleranceNats: number;
};

/** c_g of each group from the mean losses. It is 0 for a group of which no image has been seen (NaN). */
export function constraintValues(
  losses: readonly number[],
  mean: number,
  { form, toleranceNats }: Constraints,
): number[] {
  return losses.map((loss) => {
    const value = loss - mean - toleranceNats;
    if (Number.isNaN(value)) return 0;
    return form === 'hinge' ? Math.max(0, value) : value;
  });
}

/**
 * The gradient of L_all + sum_g gamma_g c_g as weights of a batch's N losses. Every L is a mean of losses, so
 * the whole is one weighted sum of them:
 *
 *     w_i = (1 - sum_{g in A} gamma_g) / N + [g(i) in A] gamma_g(i) / n_g(i)
 *
 * A holds the groups that have images in the batch, because the batch has no gradient of the others. In the
 * hinge form it holds only those whose constraint is violated, because the hinge's slope is 0 elsewhere. The
 * weights sum to 1. None is negative if the multipliers sum to at most 1. `codes` [N] are the groups of the
 * images; `multipliers` and `values` (from constraintValues) are by group.
 */
export function imageWeights(
  codes: ArrayLike<number>,
  multipliers: readonly number[],
  values: readonly number[],
  { form }: Constraints,
): Float32Array {
  const counts = new Float64Array(multipliers.length);
  for (let i = 0; i < codes.length; i++) counts[codes[i]!]!++;
  const active = multipliers.map((gamma, g) =>
    counts[g] === 0 || (form === 'hinge' && values[g]! <= 0) ? 0 : gamma,
  );
  const shared = (1 - sum(active)) / codes.length;
  return Float32Array.from(codes, (g) => shared + active[g]! / counts[g]!);
}

/**
 * Takes a step gamma_g + rate * c_g and projects it to the nearest point where no multiplier is negative and
 * their sum is at most `cap`.
 */
export function nextMultipliers(
  multipliers: readonly number[],
  values: readonly number[],
  { rate, cap }: { readonly rate: number; readonly cap: number },
): number[] {
  return project(
    multipliers.map((gamma, g) => gamma + rate * values[g]!),
    cap,
  );
}

/**
 * The Euclidean projection onto {x >= 0, sum x <= cap}. Where the sum exceeds the cap it is figure 1 of Duchi
 * et al. 2008.
 */
export function project(values: readonly number[], cap: number): number[] {
  const positive = values.map((value) => Math.max(0, value));
  if (sum(positive) <= cap) return positive;
  const sorted = values.toSorted((a, b) => b - a);
  let [total, threshold] = [0, 0];
  sorted.forEach((value, i) => {
    total += value;
    const shift = (total - cap) / (i + 1);
    if (value > shift) threshold = shift;
  });
  return values.map((value) => Math.max(0, value - threshold));
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** A hash that tells one grouping of the training images from another. */
export function hashOf({ names, codes }: Groups): string {
  return createHash('sha256').update(JSON.stringify(names)).update(codes).digest('hex');
}
