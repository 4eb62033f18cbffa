import { meanDropPValues, sumsOver } from './mean-drops.ts';
import { changesOf, detectableLoss, detectableMeanLoss, holm, permutationPValue } from './permutation.ts';
import { unlikePValue } from './unlike-changes.ts';

/** The significance level for all groups of a model together. */
export const significance = 0.05;

/** What the tests of a report assume, and how they are corrected, for readers of its figures. */
export const testWords = {
  level: significance,
  correction: 'Holm, over all tested groups of a network, however the images are sorted into groups',
  assumes:
    'Images are independent draws, and the networks are given. Groups may change their answers more or less ' +
    'often than the rest: the p-value is the larger one of a permutation test, which is exact if groups ' +
    'change alike, and of a test in which each side has its own rates of lost and gained images.',
} as const;

export type TestWords = { readonly level: number; readonly correction: string; readonly assumes: string };

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

type TestOptions = {
  readonly minGroup: number;
  readonly isOriginal: boolean;
  /** Draws an integer in [0, n). */
  readonly draw: (n: number) => number;
};

/**
 * Tests each group of each partition of the samples, all corrected together. `before` has the accuracy
 * per sample of the original, and `after` those of each network of a line. The sums are exact for one
 * network and use random draws for several. A group below `minGroup`, or with a rest below it, is too
 * small and is not tested.
 *
 * A permutation test alone would be exact only if all groups changed their answers alike. With 30 images
 * that lose 30 and gain 20 %, against a rest of 970 that loses 10 and gains none, it raises 10 % of false
 * alarms at a level of 5 %, and 4 % at a level of 1 %, although it is studentised. Together with
 * `unlikePValue` it raises 4.8 and 1.0 %.
 */
export function testLosses(
  before: Float64Array,
  after: readonly Float64Array[],
  partitions: readonly (readonly Int32Array[])[],
  options: TestOptions,
): LossTest[][] {
  const raw = partitions.map((members) => rawTests(before, after, members, options));
  const pValues = raw.flatMap((tests) => tests.map(({ pValue }) => pValue));
  const adjusted = holm(pValues);
  const tests = pValues.filter((p) => !Number.isNaN(p)).length;
  let at = 0;
  return raw.map((own) => own.map((test) => judged(test, adjusted[at++]!, tests)));
}

/** A test before it is corrected. */
type RawTest = {
  readonly pValue: number;
  /** Empty if the group is tested. */
  readonly refused: 'too small' | 'not tested' | '';
  readonly detectable: (tests: number) => number;
};

function rawTests(
  before: Float64Array,
  after: readonly Float64Array[],
  members: readonly Int32Array[],
  { minGroup, isOriginal, draw }: TestOptions,
): RawTest[] {
  if (isOriginal || members.length < 2)
    return members.map(() => ({ pValue: NaN, refused: 'not tested', detectable: () => NaN }));
  const found =
    after.length === 1 ? exact(before, after[0]!, members) : sampled(before, after, members, draw);
  const n = members.reduce((sum, { length }) => sum + length, 0);
  return members.map(({ length }, g) => {
    const large = Math.min(length, n - length) >= minGroup;
    return {
      pValue: large ? found.pValue(g) : NaN,
      refused: large ? '' : 'too small',
      detectable: (tests) => found.detectable(g, tests),
    };
  });
}

function judged({ pValue, refused, detectable }: RawTest, pAdjusted: number, tests: number): LossTest {
  const verdict = refused || (pAdjusted < significance ? 'loses more' : 'no evidence');
  return { pValue, pAdjusted, verdict, detectableLoss: detectable(tests) };
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
    pValue: (g) => Math.max(permutationPValue(changes[g]!, all), unlikePValue(changes[g]!, all)),
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
