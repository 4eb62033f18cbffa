import { createHash } from 'node:crypto';
import type { Groups } from '../../../models/fairness/groups.ts';

/** Of each group g: its mean loss is to be at most that of all images plus `toleranceNats`. */
export type Constraints = {
  /**
   * signed: c_g = L_g - L_all - tolerance, which lets a multiplier shrink where its group is better off than asked; hinge: max(0, c_g),
   * which weights only groups that are worse off than asked, and whose multipliers only grow.
   */
  readonly form: 'signed' | 'hinge';
  /** Nats. */
  readonly toleranceNats: number;
};

/** c_g of each group from the mean losses; 0 for a group that was never seen (NaN). */
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
 * The gradient of L_all + sum_g gamma_g c_g as weights of the batch's N losses. Every L is a mean of losses, so the whole is one
 * weighted sum, and weighting the losses attaches the penalty's gradient:
 *
 *     w_i = (1 - sum_{g in A} gamma_g) / N + [g(i) in A] gamma_g(i) / n_g(i)
 *
 * A holds the groups with images in the batch (of the others the batch knows no gradient), and of the hinge only those whose
 * constraint is violated: its slope is 1 there and 0 elsewhere. The weights sum to 1, and none is below 0 where the multipliers sum to at
 * most 1. `codes` [N] are the images' groups, `multipliers` and `values` (of constraintValues) are by group.
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

/** gamma_g + rate * c_g, then the nearest point with no multiplier below 0 and a sum of at most `cap`. */
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

/** Euclidean, onto {x >= 0, sum x <= cap} (Duchi et al. 2008, figure 1, where the sum is above the cap). */
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

/** Tells one grouping of the training images from another. */
export function hashOf({ names, codes }: Groups): string {
  return createHash('sha256').update(JSON.stringify(names)).update(codes).digest('hex');
}
