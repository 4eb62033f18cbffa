import { describe, expect, test } from 'vitest';
import { seededUniform, uniformInt } from '../../../models/data/seeded.ts';
import { seededDraw } from '../../../models/fairness/bootstrap.ts';
import { groupsOfColumn } from '../../../models/fairness/groups.ts';
import { averagedLines, redrawn } from '../../../models/fairness/lines.ts';
import { meanDropPValues } from '../../../models/fairness/mean-drops.ts';
import { changesOf, holm, permutationPValue } from '../../../models/fairness/permutation.ts';
import { unlikePValue } from '../../../models/fairness/unlike-changes.ts';
import { fairnessReport } from '../../../models/fairness/report.ts';
import { fewestTelling } from '../../../models/fairness/telling.ts';
import { trialsZ } from '../../helpers/statistics.ts';

/** `n` samples of two classes; those in `wrong` are answered wrongly. */
const labels = Array.from({ length: 200 }, (_, i) => i % 2);
function outcomes(wrong: (i: number) => boolean) {
  const logits = Float32Array.from(
    labels.flatMap((label, i) => (wrong(i) === (label === 0) ? [0, 3] : [3, 0])),
  );
  return { logits, classes: 2, labels };
}
const groups = groupsOfColumn(labels.map((_, i) => (i < 100 ? 'left' : 'right')));
const original = { model: 'original', outcomes: outcomes(() => false) };
/** Wrong on the first `left` of the left and the first `right` of the right. */
const network = (left: number, right: number) => outcomes((i) => i < left || (i >= 100 && i < 100 + right));

describe('several seeds of one reduction as a line', () => {
  const seeds = [network(10, 4), network(16, 4), network(4, 7)];
  const line = { model: 'r-*', outcomes: seeds[0]!, repeats: seeds.slice(1) };
  const report = fairnessReport(original, [line], groups, { resamples: 500, minGroup: 10 });
  const [left, right] = report.groups.map(({ models }) => models[1]!);

  test('means by hand; the gap is the mean of the gaps, not the gap of the means', () => {
    expect([left!.accuracy, right!.accuracy]).toEqual([expect.closeTo(0.9, 12), expect.closeTo(0.95, 12)]);
    expect(left!.drop).toBeCloseTo(0.1, 12);
    expect(report.overall.map(({ networks }) => networks)).toEqual([1, 3]);
    expect(report.gap.models[1]!.gap).toBeCloseTo((0.06 + 0.12 + 0.03) / 3, 12);
    expect([left!.losingNetworks, right!.losingNetworks]).toEqual([2, 1]);
    expect(report.gap.models[0]!.gap).toBe(0);
  });

  test('intervals are wider than those of one network by what the seeds differ', () => {
    const alike = { model: 'r', outcomes: network(10, 5), repeats: [network(10, 5), network(10, 5)] };
    const one = fairnessReport(original, [{ model: 'r', outcomes: network(10, 5) }], groups, {
      resamples: 500,
    });
    const same = fairnessReport(original, [alike], groups, { resamples: 500 });
    const width = ([low, high]: readonly [number, number]) => high - low;
    const of = ({ groups: rows }: typeof report) => width(rows[0]!.models[1]!.dropInterval);
    expect(Math.abs(of(same) - of(one))).toBeLessThan(0.02);
    expect(of(report)).toBeGreaterThan(1.15 * of(one));
  });

  test('says how many networks a finding holds in', () => {
    const worse = { model: 'r-*', outcomes: network(40, 2), repeats: [network(35, 4), network(45, 3)] };
    const { reading } = fairnessReport(original, [worse], groups, { resamples: 200 });
    expect(reading.join(' ')).toMatch(/3 networks that differ in their seed/);
    expect(reading.join(' ')).toMatch(/left loses more than the rest.*in 3 of 3 networks/);
  });
});

describe('redrawing seeds', () => {
  test('one fewer than there are, from the own line; a single network stays', () => {
    const draw = seededDraw(3);
    for (let i = 0; i < 50; i++) {
      const [first, second] = redrawn([[0], [1, 2, 3]], draw);
      expect(first).toEqual([0]);
      expect(second).toHaveLength(2);
      second!.forEach((n) => expect([1, 2, 3]).toContain(n));
    }
  });

  test('the variance of the drawn mean is s^2 / S: 1/3 for seeds at 0, 1, 2', () => {
    const draw = seededDraw(4);
    const means = Array.from(
      { length: 20_000 },
      () => averagedLines([0, 1, 2], redrawn([[0, 1, 2]], draw))[0]!,
    );
    const variance = means.reduce((sum, mean) => sum + (mean - 1) ** 2, 0) / means.length;
    expect(Math.abs(variance - 1 / 3)).toBeLessThan(0.02); // six standard errors
  });

  test('averages go through any nesting', () => {
    const values = [{ a: [1, { b: 2 }] }, { a: [3, { b: 6 }] }];
    expect(averagedLines(values, [[0, 1], [1]])).toEqual([{ a: [2, { b: 4 }] }, { a: [3, { b: 6 }] }]);
  });
});

describe('the test on means over networks', () => {
  const members = [0, 1, 2].map((g) => Int32Array.from({ length: 40 }, (_, i) => 40 * g + i));

  test('agrees with the exact tests where there is one network', () => {
    const uniform = seededUniform(5);
    const before = new Float64Array(120).fill(1);
    const after = Float64Array.from({ length: 120 }, (_, i) => (uniform() < (i < 40 ? 0.3 : 0.15) ? 0 : 1));
    const drops = before.map((value, i) => value - after[i]!);
    const all = changesOf(before, after, [...drops.keys()]);
    meanDropPValues(drops, members, seededDraw(6)).forEach((found, g) => {
      const own = changesOf(before, after, members[g]!);
      const p = Math.max(permutationPValue(own, all), unlikePValue(own, all));
      // 4,999 deals: six standard errors
      expect(Math.abs(found - p)).toBeLessThan(6 * Math.sqrt((p * (1 - p)) / 4999) + 1 / 5000);
    });
  });

  test('false alarms under the null are as rare as they should be', () => {
    const uniform = seededUniform(8);
    const rounds = 60;
    let alarms = 0;
    for (let round = 0; round < rounds; round++) {
      // Hard images are hard for all three networks, in all groups alike.
      const hard = Float64Array.from({ length: 120 }, () => (uniform() < 0.2 ? 0.7 : 0.05));
      const after = [0, 1, 2].map(() => hard.map((p) => (uniform() < p ? 0 : 1)));
      const drops = hard.map((_, i) => 1 - after.reduce((sum, own) => sum + own[i]! / 3, 0));
      const pValues = holm(meanDropPValues(drops, members, (n) => uniformInt(uniform, n), 399));
      if (pValues.some((p) => p <= 0.05)) alarms++;
    }
    expect(trialsZ(alarms, new Array<number>(rounds).fill(0.05))).toBeLessThan(3);
  });

  test('a group that loses in every network is found, its mirror image is not; nobody left has no test', () => {
    const drops = Float64Array.from({ length: 120 }, (_, i) =>
      i < 40 ? [1, 2 / 3, 1 / 3][i % 3]! : (i % 5) / 20,
    );
    const [first, second] = meanDropPValues(drops, members, seededDraw(1));
    expect(first).toBe(1 / 5000);
    expect(second).toBeGreaterThan(0.9);
    expect(meanDropPValues(drops, [Int32Array.from(drops.keys())], seededDraw(1))[0]).toBeNaN();
  });
});

test('gaps and worst group leave out groups that are too small to tell, and name them', () => {
  const few = groupsOfColumn(labels.map((_, i) => (i < 100 ? 'left' : i < 195 ? 'right' : 'few')));
  const wrong = outcomes((i) => i < 10 || i >= 195);
  const options = { resamples: 200 };
  const { gap, reading } = fairnessReport(original, [{ model: 'r', outcomes: wrong }], few, options);
  expect(gap).toMatchObject({ maxWidth: 0.2, minGroup: 93, leftOut: [{ group: 'few', n: 5 }] });
  expect(gap.models[1]).toMatchObject({ allGap: 1, allWidening: 1, worstGroup: 'left', worstAccuracy: 0.9 });
  expect(gap.models[1]!.gap).toBeCloseTo(0.1, 12);
  expect(gap.models[1]!.wideningInterval[1]).toBeLessThan(0.3);
  expect(gap.models[1]!.allWideningInterval).toEqual([1, 1]);
  expect(reading.join(' ')).toMatch(/Not in the gap, because 93 images .* within 20\.0 points: few \(5\)\./);
  const wide = fairnessReport(original, [{ model: 'r', outcomes: wrong }], few, { ...options, maxWidth: 1 });
  expect(wide.gap.leftOut).toEqual([]);
  expect(wide.gap.models[1]).toMatchObject({ gap: 1, worstGroup: 'few' });
  const narrow = fairnessReport(original, [{ model: 'r', outcomes: wrong }], few, {
    ...options,
    maxWidth: 0.1,
  });
  expect(narrow.gap.models[1]).toMatchObject({ gap: NaN, worstGroup: null, worstAccuracy: NaN });
  expect(narrow.reading.join(' ')).toMatch(/so no gap is told/);
});

test("the fewest images: at 93, Wilson's interval of one half is just below 20 points, at 92 above", () => {
  expect(fewestTelling(0.2, 0.95)).toBe(93);
  const width = (n: number) => {
    const z = 1.959964;
    const spread = (z / (1 + (z * z) / n)) * Math.sqrt(0.25 / n + (z * z) / (4 * n * n));
    return 2 * spread;
  };
  expect(width(93)).toBeLessThanOrEqual(0.2);
  expect(width(92)).toBeGreaterThan(0.2);
});
