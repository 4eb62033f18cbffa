import { describe, expect, test } from 'vitest';
import { groupsOfColumn, groupsOfLabels } from '../../../models/fairness/groups.ts';
import { groupsCsv } from '../../../models/fairness/csv.ts';
import { fairnessReport } from '../../../models/fairness/report.ts';

const classNames = ['cat', 'dog', 'fox'];

/** Images of a class in a group, of which `right` are answered rightly, and the others as the next class. */
type Part = { readonly group: string; readonly label: number; readonly n: number; readonly right: number };

function outcomesOf(parts: readonly Part[]) {
  const images = parts.flatMap(({ label, n, right }) =>
    Array.from({ length: n }, (_, i) => ({ label, said: i < right ? label : (label + 1) % 3 })),
  );
  const logits = Float32Array.from(images.flatMap(({ said }) => [0, 1, 2].map((c) => +(c === said))));
  return { logits, classes: 3, labels: images.map(({ label }) => label) };
}

const parts: readonly Part[] = [
  { group: 'day', label: 0, n: 100, right: 90 },
  { group: 'day', label: 1, n: 120, right: 60 },
  { group: 'night', label: 0, n: 200, right: 50 },
  { group: 'night', label: 1, n: 20, right: 0 },
  { group: 'night', label: 2, n: 93, right: 93 },
];
const all = parts.map((part) => ({ ...part, right: part.n }));
const groups = groupsOfColumn(parts.flatMap(({ group, n }) => Array.from({ length: n }, () => group)));
const original = { model: 'original', outcomes: outcomesOf(all) };
const reduced = { model: 'reduced', outcomes: outcomesOf(parts) };
const options = { resamples: 200, classNames };

describe('rates of each class by group', () => {
  const report = fairnessReport(original, [reduced], groups, options);
  const { cells, leftOut } = report.classRates!;

  test('by hand; cells of fewer images than gaps count are left out, empty ones are not there', () => {
    expect(report.gap.minGroup).toBe(93);
    const found = cells.map(({ group, class: name, n, models }) => [
      ...[group, name, n],
      ...[models[0]!.truePositiveRate, models[1]!.truePositiveRate, models[1]!.drop],
    ]);
    expect(found).toEqual([
      ['day', 'cat', 100, 1, 0.9, expect.closeTo(0.1, 12)],
      ['day', 'dog', 120, 1, 0.5, 0.5],
      ['night', 'cat', 200, 1, 0.25, 0.75],
      ['night', 'fox', 93, 1, 1, 0],
    ]);
    expect(leftOut).toEqual([{ group: 'night', class: 'dog', n: 20 }]);
  });

  test('intervals are of the cell: as wide as a share of 120 images has, none where nothing varies', () => {
    const dog = cells[1]!.models[1]!;
    const [low, high] = dog.truePositiveRateInterval;
    // 2 * 1.96 * sqrt(0.25 / 120) = 0.179
    expect(high - low).toBeGreaterThan(0.14);
    expect(high - low).toBeLessThan(0.22);
    expect(dog.dropInterval.map((drop) => 1 - drop).toReversed()).toEqual([
      expect.closeTo(low, 12),
      expect.closeTo(high, 12),
    ]);
    expect(cells[3]!.models[1]!.truePositiveRateInterval).toEqual([1, 1]);
  });

  test('of several networks they are means', () => {
    const twice = { ...reduced, repeats: [original.outcomes] };
    const mean = fairnessReport(original, [twice], groups, options).classRates!;
    expect(mean.cells[2]!.models[1]!.truePositiveRate).toBeCloseTo((0.25 + 1) / 2, 12);
  });

  test('they move no other figure', () => {
    const without = fairnessReport(original, [reduced], groups, { resamples: 200 });
    expect({ ...without, classRates: report.classRates }).toEqual(report);
  });

  test('groups that are classes have none, nor have two classes', () => {
    const byLabel = groupsOfLabels(original.outcomes.labels, classNames);
    expect(fairnessReport(original, [reduced], byLabel, options).classRates).toBeUndefined();
    const two = { resamples: 100, classNames: ['cat', 'dog'] };
    expect(fairnessReport(original, [reduced], groups, two).classRates).toBeUndefined();
  });

  test('as CSV: a line for each cell and model after those of the groups, with its own columns alone', () => {
    const lines = groupsCsv([{ by: ['light'], report }])
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(','));
    expect(lines).toHaveLength(1 + 2 * 2 + 4 * 2);
    const [header] = lines;
    const last = new Map(
      lines.find((l) => l[2] === 'dog' && l[4] === 'reduced')!.map((v, i) => [header![i]!, v]),
    );
    expect([last.get('group'), last.get('n'), last.get('true_positive_rate'), last.get('drop')]).toEqual([
      ...['day', '120', '0.5', '0.5'],
    ]);
    expect([last.get('accuracy'), last.get('verdict'), last.get('p_value')]).toEqual(['', '', '']);
  });
});
