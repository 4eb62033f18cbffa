import { describe, expect, test } from 'vitest';
import { calibrationError, confidenceOf } from '../../../models/fairness/calibration.ts';
import { groupsOfColumn, groupsOfLabels } from '../../../models/fairness/groups.ts';
import { fairnessReport } from '../../../models/fairness/report.ts';
import { groupsCsv } from '../../../models/fairness/csv.ts';

/**
 * Two classes; sample i is of class labels[i] and gets class `said[i]` with a probability of `confidence`.
 */
function answers(model: string, labels: number[], said: number[], confidence = 0.9) {
  const odds = Math.log(confidence / (1 - confidence));
  const logits = Float32Array.from(said.flatMap((c) => (c === 1 ? [0, odds] : [odds, 0])));
  return { model, outcomes: { logits, classes: 2, labels } };
}

describe('calibration error', () => {
  test('by hand: 0.9 sure and right on 3 of 4 is 0.15 off; 0.6 sure and never right is 0.6 off', () => {
    const { outcomes } = answers('m', [1, 1, 1, 0], [1, 1, 1, 1]);
    expect(calibrationError(confidenceOf(outcomes), [0, 1, 2, 3])).toBeCloseTo(0.15, 6);
    const unsure = answers('m', [0, 0], [1, 1], 0.6).outcomes;
    expect(calibrationError(confidenceOf(unsure), [0, 1])).toBeCloseTo(0.6, 6);
  });

  test('bins do not cancel each other: 0.9 right of 1 and 0.6 wrong of 1 average 0.35', () => {
    const sure = answers('m', [1], [1]).outcomes;
    const unsure = answers('m', [0], [1], 0.6).outcomes;
    const logits = Float32Array.of(...sure.logits, ...unsure.logits);
    const both = confidenceOf({ logits, classes: 2, labels: [1, 0] });
    expect(calibrationError(both, [0, 1])).toBeCloseTo((0.1 + 0.6) / 2, 6);
    expect(calibrationError(both, [1])).toBeCloseTo(0.6, 6);
  });

  test('nobody has none', () => {
    expect(calibrationError({ bins: new Uint8Array(), excess: new Float64Array() }, [])).toBeNaN();
  });
});

describe('rates where labels are binary', () => {
  // Group a: 4 positives, 3 found; 2 negatives, 1 called positive. Group b: 2 positives, 1 found; 4 negatives, none called.
  const labels = [1, 1, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0];
  const said = [1, 1, 1, 0, 1, 0, 1, 0, 0, 0, 0, 0];
  const groups = groupsOfColumn([...'aaaaaabbbbbb']);
  const make = (positive?: number) =>
    fairnessReport(answers('before', labels, labels), [answers('after', labels, said)], groups, {
      resamples: 300,
      maxWidth: 1,
      ...(positive !== undefined && { positive }),
    });

  test('by hand: true positives 3/4 and 1/2, false positives 1/2 and 0, called positive 4/6 and 1/6', () => {
    const report = make(1);
    const [a, b] = report.groups.map(({ models }) => models[1]!);
    expect([a!.truePositiveRate, a!.falsePositiveRate]).toEqual([0.75, expect.closeTo(0.5, 12)]);
    expect([b!.truePositiveRate, b!.falsePositiveRate]).toEqual([expect.closeTo(0.5, 12), 0]);
    expect([a!.positiveRate, b!.positiveRate]).toEqual([
      expect.closeTo(4 / 6, 12),
      expect.closeTo(1 / 6, 12),
    ]);
    const gap = report.gap.models[1]!;
    expect(gap.demographicParity).toBeCloseTo(0.5, 12);
    expect(gap.equalisedOdds).toBeCloseTo(0.5, 12);
    expect(report.gap.models[0]!.equalisedOdds).toBe(0);
    expect([gap.disparateImpact, gap.predictiveParity]).toEqual([
      expect.closeTo(0.25, 12),
      expect.closeTo(0.25, 12),
    ]);
    expect([a!.predictiveValue, b!.predictiveValue]).toEqual([expect.closeTo(0.75, 12), 1]);
    expect(gap.disparateImpactInterval[0]).toBeLessThan(0.25);
    expect(gap.disparateImpactInterval[1]).toBeGreaterThan(0.25);
    expect(gap.predictiveParityInterval[1]).toBeGreaterThan(0.25);
    expect(report.gap.models[0]!.predictiveParity).toBe(0);
    expect(a!.truePositiveRateInterval[0]).toBeLessThan(0.75);
    expect(a!.truePositiveRateInterval[1]).toBeGreaterThan(0.75);
  });

  test('the other class as positive: true negatives of before are its true positives', () => {
    const [a] = make(0).groups.map(({ models }) => models[1]!);
    expect(a!.truePositiveRate).toBeCloseTo(0.5, 12);
    expect(a!.falsePositiveRate).toBeCloseTo(0.25, 12);
  });

  test('without a positive class there are none', () => {
    const report = make();
    expect(report.groups[0]!.models[1]!.truePositiveRate).toBeNaN();
    expect(report.gap.models[1]!.demographicParity).toBeNaN();
    expect(report.gap.models[1]!.demographicParityInterval).toEqual([NaN, NaN]);
  });

  test('a rate counts only where it is taken over enough images, and its gap is none where one group is left', () => {
    const many = (list: number[], times: number) => Array.from({ length: times }, () => list).flat();
    // 240 images in each group; of b only 20 are positive.
    const [ofA, ofB] = [many([1, 0], 120), [...many([1], 20), ...many([0], 220)]];
    const all = [...ofA, ...ofB];
    const calls = all.map((label, i) => (i % 5 === 0 ? 1 - label : label));
    const two = groupsOfColumn(all.map((_, i) => (i < 240 ? 'a' : 'b')));
    const { gap } = fairnessReport(answers('before', all, all), [answers('after', all, calls)], two, {
      resamples: 100,
      positive: 1,
    });
    // True positives of b are over 20 images, so the odds are those of false positives, 1 in 5 in both.
    expect(gap.models[1]!.equalisedOdds).toBeNaN();
    expect(gap.models[1]!.demographicParity).toBeGreaterThan(0.2);
  });

  test('groups that are the labels have no equalised odds', () => {
    const byLabel = fairnessReport(
      answers('before', labels, labels),
      [answers('after', labels, said)],
      groupsOfLabels(labels, ['no', 'yes']),
      { resamples: 100, positive: 1, maxWidth: 1 },
    );
    expect(byLabel.gap.models[1]!.equalisedOdds).toBeNaN();
    expect(byLabel.gap.models[1]!.demographicParity).toBeCloseTo(4 / 6 - 1 / 6, 12);
  });
});

describe('what the report says', () => {
  const labels = Array.from({ length: 400 }, (_, i) => i % 2);
  const groups = groupsOfColumn(
    labels.map((_, i) => (i < 190 ? 'left' : i < 380 ? 'right' : 'few, "small"')),
  );
  const miss = (from: number, to: number) =>
    labels.map((label, i) => (i >= from && i < to ? 1 - label : label));
  const original = answers('original', labels, labels);

  test('who loses, how much, how sure; who is too few', () => {
    const { reading } = fairnessReport(original, [answers('half', labels, miss(0, 40))], groups, {
      resamples: 200,
    });
    expect(reading.join(' ')).toMatch(/half: 10\.0 points of accuracy are lost overall/);
    expect(reading.join(' ')).toMatch(
      /left loses more than the rest: 21\.1 points, 11\.1 beyond the average/,
    );
    expect(reading.join(' ')).toMatch(/Too small to tell, with fewer than 30 images: few, "small" \(20\)/);
    expect(reading.join(' ')).toMatch(/\(left\) are 21\.1 points apart, 21\.1 more than before\./);
  });

  test('no loser: how large a loss could hide', () => {
    const { reading } = fairnessReport(original, [{ ...original, model: 'same' }], groups, {
      resamples: 100,
    });
    expect(reading.join(' ')).toMatch(/no accuracy is lost overall/);
    // Rule of three: 3 / 190.
    expect(reading.join(' ')).toMatch(/losses below about 1\.6 points beyond the rest's/);
    expect(reading.join(' ')).toMatch(/0\.0 points apart, as before/);
  });

  test('as CSV: a line for each group and model, quotes doubled, nothing where there is no figure', () => {
    const report = fairnessReport(original, [answers('half', labels, miss(0, 40))], groups, {
      resamples: 100,
    });
    const lines = groupsCsv([{ by: ['side', 'size'], report }])
      .trimEnd()
      .split('\r\n');
    expect(lines).toHaveLength(1 + 3 * 2);
    const header = lines[0]!.split(',');
    expect(header.slice(0, 6)).toEqual(['grouped_by', 'group', 'class', 'n', 'model', 'accuracy']);
    const small = lines.find((line) => line.startsWith('"side, size","few, ""small""",,20,half,1,'))!;
    expect(small).toMatch(/,too small,/);
    expect(small).not.toMatch(/NaN/);
    const left = lines
      .find((line) => line.includes(',left,,190,half,'))!
      .replace('"side, size"', 'both')
      .split(',');
    expect(Number(left[header.indexOf('drop')])).toBeCloseTo(40 / 190, 12);
  });
});
