import { describe, expect, test } from 'vitest';
import { bootstrap, percentileInterval, seededDraw } from '../../../models/fairness/bootstrap.ts';
import {
  groupsOfColumn,
  groupsOfLabels,
  groupsOfProduct,
  membersOf,
} from '../../../models/fairness/groups.ts';
import { excessDrops, gap, meanOver, sampleScores, worstGroup } from '../../../models/fairness/metrics.ts';
import type { Outcomes } from '../../../models/fairness/metrics.ts';
import { fairnessReport } from '../../../models/fairness/report.ts';
import { DataError } from '../../../src/shared/errors.ts';

/** Answers as one-hot logits. */
function outcomes(labels: number[], predicted: number[], classes: number): Outcomes {
  const logits = new Float32Array(labels.length * classes);
  predicted.forEach((column, row) => (logits[row * classes + column] = 1));
  return { logits, classes, labels };
}

describe('groups', () => {
  test('class labels are groups, in the order of the classes', () => {
    const groups = groupsOfLabels([2, 0, 2], ['a', 'b', 'c']);
    expect(membersOf(groups).map((list) => [...list])).toEqual([[1], [], [0, 2]]);
  });

  test('a column of values', () => {
    const groups = groupsOfColumn(['old', 'young', 'old']);
    expect(groups.names).toEqual(['old', 'young']);
    expect(membersOf(groups).map((list) => [...list])).toEqual([[0, 2], [1]]);
  });

  test('several columns: a group for each combination that occurs', () => {
    const groups = groupsOfProduct([
      ['old', 'young', 'old', 'young'],
      ['left', 'left', 'right', 'left'],
    ]);
    expect(groups.names).toEqual(['old, left', 'old, right', 'young, left']);
    expect(membersOf(groups).map((list) => [...list])).toEqual([[0], [2], [1, 3]]);
  });

  test('a label outside the classes is refused without showing it', () => {
    expect(() => groupsOfLabels([0, 77], ['a', 'b'])).toThrow(DataError);
    expect(() => groupsOfLabels([0, 77], ['a', 'b'])).not.toThrow(/77/);
  });
});

describe('metrics', () => {
  const sample = outcomes([0, 0, 0, 1, 1, 2], [0, 1, 0, 1, 1, 0], 3);

  test('accuracy of a group is the share of its samples that are right', () => {
    const scores = sampleScores.accuracy(sample);
    expect([...scores]).toEqual([1, 0, 1, 1, 1, 0]);
    expect(meanOver(scores, [0, 1, 2])).toBeCloseTo(2 / 3, 12);
  });

  test('cross-entropy and margin of two equal logits: ln 2 and 0; of 3 to 1 odds: ln(4/3) and 1/2', () => {
    const logits = Float32Array.of(5, 5, Math.log(3), 0);
    const pair = { logits, classes: 2, labels: [0, 0] };
    const entropy = sampleScores.crossEntropy(pair);
    expect(entropy[0]).toBeCloseTo(Math.LN2, 12);
    expect(entropy[1]).toBeCloseTo(Math.log(4 / 3), 6);
    const margin = sampleScores.margin(pair);
    expect(margin[0]).toBe(0);
    expect(margin[1]).toBeCloseTo(0.5, 6);
  });

  test('large logits do not overflow', () => {
    const far = { logits: Float32Array.of(1000, -1000), classes: 2, labels: [1] };
    expect(sampleScores.crossEntropy(far)[0]).toBe(2000);
  });

  test('gap and worst group leave empty groups out', () => {
    expect(gap([0.5, NaN, 0.9])).toBeCloseTo(0.4, 12);
    expect(worstGroup([0.9, NaN, 0.5])).toBe(2);
    expect(gap([NaN, 0.5])).toBe(0);
    expect(worstGroup([NaN])).toBe(-1);
  });

  test('excess drop: 0.9 to 0.8 and 0.8 to 0.4 where all lost 0.2', () => {
    const [first, second] = excessDrops([0.9, 0.8], [0.8, 0.4], 0.2);
    expect(first).toBeCloseTo(-0.1, 12);
    expect(second).toBeCloseTo(0.2, 12);
  });

  test('logits that do not fit the labels are refused', () => {
    const short = { logits: new Float32Array(5), classes: 2, labels: [0, 1] };
    expect(() => sampleScores.accuracy(short)).toThrow(RangeError);
  });
});

describe('bootstrap', () => {
  test('percentiles interpolate: the central half of 0..4 is [1, 3]', () => {
    expect(percentileInterval([4, 0, 3, 1, 2], 0.5)).toEqual([1, 3]);
  });

  test('a draw is repeatable, in range, and covers it evenly', () => {
    const [a, b] = [seededDraw(7), seededDraw(7)];
    const counts = new Array<number>(10).fill(0);
    for (let i = 0; i < 10_000; i++) {
      const value = a(10);
      expect(b(10)).toBe(value);
      counts[value]! += 1;
    }
    // Binomial(10^4, 0.1): 30 a standard deviation; five of them.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });

  test('the interval of a mean is the normal one: p = 0.5, n = 400, +-1.96 sqrt(p q / n)', () => {
    const scores = Float64Array.from({ length: 400 }, (_, i) => i % 2);
    const members = [Int32Array.from(scores, (_, i) => i)];
    const [interval] = bootstrap([scores], members, ([row]) => row!, {
      resamples: 4000,
      confidence: 0.95,
      draw: seededDraw(3),
    });
    // 1.96 * 0.025 = 0.049; the ends of 4,000 resamples wander by about 0.001.
    expect(interval![0]).toBeGreaterThan(0.445);
    expect(interval![0]).toBeLessThan(0.457);
    expect(interval![1]).toBeGreaterThan(0.543);
    expect(interval![1]).toBeLessThan(0.555);
  });

  test('models are drawn together: a constant difference has no spread', () => {
    const before = Float64Array.from({ length: 50 }, (_, i) => (i % 3) / 2);
    const after = before.map((value) => value - 0.25);
    const [difference] = bootstrap(
      [before, after],
      [Int32Array.from(before, (_, i) => i)],
      (means) => [means[0]![0]! - means[1]![0]!],
      { resamples: 200, confidence: 0.95, draw: seededDraw(1) },
    );
    expect(difference[0]).toBeCloseTo(0.25, 12);
    expect(difference[1]).toBeCloseTo(0.25, 12);
  });
});

describe('report', () => {
  // Ten of class a, five of class b. The original misses one of each; the reduced model three more of b.
  const labels = [...new Array<number>(10).fill(0), ...new Array<number>(5).fill(1)];
  const miss = (...samples: number[]) => labels.map((label, i) => (samples.includes(i) ? 1 - label : label));
  const original = { model: 'original', outcomes: outcomes(labels, miss(0, 10), 2) };
  const reduced = { model: 'reduced', outcomes: outcomes(labels, miss(0, 10, 11, 12, 13), 2) };
  const groups = groupsOfLabels(labels, ['a', 'b', 'nobody']);

  test('hand-computed: a 0.9 to 0.9, b 0.8 to 0.2, all 13/15 to 10/15', () => {
    const report = fairnessReport(original, [reduced], groups, { maxWidth: 1 });
    expect(report.groups.map(({ group, n }) => [group, n])).toEqual([
      ['a', 10],
      ['b', 5],
    ]);
    expect(report.overall[1]!.drop).toBeCloseTo(0.2, 12);
    const [a, b] = report.groups.map((group) => group.models[1]!);
    expect([a!.accuracy, a!.drop]).toEqual([0.9, 0]);
    expect(a!.excessDrop).toBeCloseTo(-0.2, 12);
    expect(b!.accuracy).toBeCloseTo(0.2, 12);
    expect(b!.drop).toBeCloseTo(0.6, 12);
    expect(b!.excessDrop).toBeCloseTo(0.4, 12);
    const [before, after] = report.gap.models;
    expect(before!.gap).toBeCloseTo(0.1, 12);
    expect(after!.gap).toBeCloseTo(0.7, 12);
    expect(after!.widening).toBeCloseTo(0.6, 12);
    expect([after!.worstGroup, after!.worstAccuracy]).toEqual(['b', 0.2]);
  });

  test('intervals contain what they estimate', () => {
    const report = fairnessReport(original, [reduced], groups, { maxWidth: 1 });
    for (const row of report.groups.flatMap((group) => group.models)) {
      expect(row.interval[0]).toBeLessThanOrEqual(row.accuracy);
      expect(row.interval[1]).toBeGreaterThanOrEqual(row.accuracy);
      expect(row.dropInterval[0]).toBeLessThanOrEqual(row.drop);
      expect(row.dropInterval[1]).toBeGreaterThanOrEqual(row.drop);
    }
    expect(report.groups[1]!.models[1]!.dropInterval[1]).toBeGreaterThan(0.6);
  });

  test('a model against itself drops by exactly 0, with intervals of exactly 0', () => {
    const report = fairnessReport(original, [{ ...original, model: 'again' }], groups, { maxWidth: 1 });
    for (const { models } of report.groups) {
      expect(models[1]!.drop).toBe(0);
      expect(models[1]!.excessDrop).toBe(0);
      expect(models[1]!.dropInterval).toEqual([0, 0]);
      expect(models[1]!.excessDropInterval).toEqual([0, 0]);
    }
    expect(report.gap.models[1]!.widening).toBe(0);
    expect(report.gap.models[1]!.wideningInterval).toEqual([0, 0]);
  });

  test('intervals of the loss and of the distance to the boundary hold their values; NaN where no rates are', () => {
    const report = fairnessReport(original, [reduced], groups, { resamples: 200 });
    for (const row of report.groups.flatMap((group) => group.models)) {
      expect(row.crossEntropyInterval[0]).toBeLessThanOrEqual(row.crossEntropy + 1e-12);
      expect(row.crossEntropyInterval[1]).toBeGreaterThanOrEqual(row.crossEntropy - 1e-12);
      expect(row.marginInterval[0]).toBeLessThanOrEqual(row.margin + 1e-12);
      expect(row.marginInterval[1]).toBeGreaterThanOrEqual(row.margin - 1e-12);
      expect(row.positiveRateInterval).toEqual([NaN, NaN]);
    }
    // Of b, 1 of 5 wrong before and 4 of 5 after: ln(1 + e) - 1 where right, ln(1 + e) where wrong.
    const [before, after] = report.groups[1]!.models;
    expect(before!.crossEntropy).toBeCloseTo(Math.log(1 + Math.E) - 4 / 5, 6);
    expect(after!.crossEntropy).toBeCloseTo(Math.log(1 + Math.E) - 1 / 5, 6);
    expect(after!.crossEntropyInterval[1] - after!.crossEntropyInterval[0]).toBeGreaterThan(0.1);
  });

  test('the same seed gives the same report, another one another', () => {
    const make = (seed: number) => fairnessReport(original, [reduced], groups, { seed, resamples: 100 });
    expect(make(5)).toEqual(make(5));
    expect(make(5)).not.toEqual({ ...make(6), bootstrap: make(5).bootstrap });
  });
});
