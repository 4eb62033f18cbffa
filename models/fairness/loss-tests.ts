import { changesOf, detectableLoss, holm, permutationPValue } from './permutation.ts';

/** The level of the tests, for all groups of a model together. */
export const significance = 0.05;

export type Verdict = 'loses more' | 'no evidence' | 'too small' | 'not tested';

/** Of 'this group loses more accuracy than the rest'. */
export type LossTest = {
  /** Of this group alone; NaN where not tested. */
  readonly pValue: number;
  /** The same, corrected for the number of groups tested (Holm). */
  readonly pAdjusted: number;
  readonly verdict: Verdict;
  /** A loss beyond the rest's, as a fraction, that would be noticed four times in five; smaller ones may hide. */
  readonly detectableLoss: number;
};

const untested = { pValue: NaN, pAdjusted: NaN, verdict: 'not tested', detectableLoss: NaN } as const;

/** One test a group, `before` and `after` being per-sample accuracies. Groups below `minGroup` are not tested: too small to tell. */
export function testLosses(
  before: Float64Array,
  after: Float64Array,
  members: readonly Int32Array[],
  { minGroup, isOriginal }: { readonly minGroup: number; readonly isOriginal: boolean },
): LossTest[] {
  if (isOriginal || members.length < 2) return members.map(() => untested);
  const changes = members.map((group) => changesOf(before, after, group));
  const total = (key: 'n' | 'lost' | 'gained') => changes.reduce((sum, change) => sum + change[key], 0);
  const all = { n: total('n'), lost: total('lost'), gained: total('gained') };
  const pValues = changes.map((group) => (group.n < minGroup ? NaN : permutationPValue(group, all)));
  const adjusted = holm(pValues);
  const tests = pValues.filter((p) => !Number.isNaN(p)).length;
  return changes.map((group, g) => ({
    pValue: pValues[g]!,
    pAdjusted: adjusted[g]!,
    verdict: group.n < minGroup ? 'too small' : adjusted[g]! < significance ? 'loses more' : 'no evidence',
    detectableLoss: detectableLoss(group, all, tests),
  }));
}
