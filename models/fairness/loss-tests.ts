import { meanDropPValues, sumsOver } from './mean-drops.ts';
import { changesOf, detectableLoss, detectableMeanLoss, holm, permutationPValue } from './permutation.ts';

/** The significance level for all groups of a model together. */
export const significance = 0.05;

export type Verdict = 'loses more' | 'no evidence' | 'too small' | 'not tested';

/** The test of "this group loses more accuracy than the rest". */
export type LossTest = {
  /** The p-value for this group alone; NaN if it is not tested. */
  readonly pValue: number;
  /** The p-value corrected for the number of tested groups (Holm). */
  readonly pAdjusted: number;
  readonly verdict: Verdict;
  /**
   * The loss beyond the rest's, as a fraction, that the test would notice four times in five. Smaller losses
   * may go unnoticed.
   */
  readonly detectableLoss: number;
};

const untested = { pValue: NaN, pAdjusted: NaN, verdict: 'not tested', detectableLoss: NaN } as const;

type TestOptions = {
  readonly minGroup: number;
  readonly isOriginal: boolean;
  /** Draws an integer in [0, n). */
  readonly draw: (n: number) => number;
};

/**
 * Tests each group. `before` has the accuracy per sample of the original, and `after` those of each network
 * of a line. The test is exact for one network and uses random permutations for several. Groups below
 * `minGroup` are too small and are not tested.
 */
export function testLosses(
  before: Float64Array,
  after: readonly Float64Array[],
  members: readonly Int32Array[],
  { minGroup, isOriginal, draw }: TestOptions,
): LossTest[] {
  if (isOriginal || members.length < 2) return members.map(() => untested);
  const found =
    after.length === 1 ? exact(before, after[0]!, members) : sampled(before, after, members, draw);
  const large = (g: number) => members[g]!.length >= minGroup;
  const pValues = members.map((_, g) => (large(g) ? found.pValue(g) : NaN));
  const adjusted = holm(pValues);
  const tests = pValues.filter((p) => !Number.isNaN(p)).length;
  return members.map((_, g) => ({
    pValue: pValues[g]!,
    pAdjusted: adjusted[g]!,
    verdict: !large(g) ? 'too small' : adjusted[g]! < significance ? 'loses more' : 'no evidence',
    detectableLoss: found.detectable(g, tests),
  }));
}

type Found = {
  readonly pValue: (group: number) => number;
  readonly detectable: (group: number, tests: number) => number;
};

function exact(before: Float64Array, after: Float64Array, members: readonly Int32Array[]): Found {
  const changes = members.map((group) => changesOf(before, after, group));
  const total = (key: 'n' | 'lost' | 'gained') => changes.reduce((sum, change) => sum + change[key], 0);
  const all = { n: total('n'), lost: total('lost'), gained: total('gained') };
  return {
    pValue: (g) => permutationPValue(changes[g]!, all),
    detectable: (g, tests) => detectableLoss(changes[g]!, all, tests),
  };
}

function sampled(
  before: Float64Array,
  after: readonly Float64Array[],
  members: readonly Int32Array[],
  draw: (n: number) => number,
): Found {
  const drops = before.map((value, i) => value - after.reduce((sum, own) => sum + own[i]!, 0) / after.length);
  const pValues = meanDropPValues(drops, members, draw);
  const own = members.map((group) => Float64Array.from(group, (i) => drops[i]!));
  const sums = own.map((values) => sumsOver(values, 0, values.length));
  const total = (key: 'n' | 'sum' | 'squares') => sums.reduce((sum, one) => sum + one[key], 0);
  const all = { n: total('n'), sum: total('sum'), squares: total('squares') };
  return {
    pValue: (g) => pValues[g]!,
    detectable: (g, tests) => detectableMeanLoss(sums[g]!, all, tests),
  };
}
