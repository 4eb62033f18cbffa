import { normalQuantile } from './permutation.ts';

/** The widest interval of an accuracy, as a fraction, with which a group counts in gaps. */
export const defaultMaxWidth = 0.2;

/**
 * The fewest images of which an accuracy of one half is known within an interval no wider than
 * `maxWidth`: Wilson's interval (1927) of k = n / 2 is z / sqrt(n + z^2) wide. The rule looks at the
 * number of images alone, because the interval of a group that is mostly right is narrow, and a rule by
 * its width would leave out the groups with the worst accuracies first.
 */
export function fewestTelling(maxWidth: number, confidence: number): number {
  const z = normalQuantile((1 + confidence) / 2);
  return Math.max(1, Math.ceil((z / maxWidth) ** 2 - z * z));
}

/** Which groups count in the gap of each figure: those that have enough images to divide by. */
export type Telling = {
  readonly accuracy: readonly number[];
  readonly truePositiveRate: readonly number[];
  readonly falsePositiveRate: readonly number[];
  /** By network, because each calls other images positive. */
  readonly predictiveValue: readonly (readonly number[])[];
};

/** The groups that have at least `fewest` images, positive ones, negative ones, and ones called positive. */
export function tellingGroups(
  fewest: number,
  sizes: readonly number[],
  positiveShares: readonly number[],
  calledShares: readonly (readonly number[])[],
): Telling {
  const enough = (share: (g: number) => number) =>
    [...sizes.keys()].filter((g) => Math.round(share(g) * sizes[g]!) >= fewest);
  return {
    accuracy: enough(() => 1),
    truePositiveRate: enough((g) => positiveShares[g]!),
    falsePositiveRate: enough((g) => 1 - positiveShares[g]!),
    predictiveValue: calledShares.map((shares) => enough((g) => shares[g]!)),
  };
}
