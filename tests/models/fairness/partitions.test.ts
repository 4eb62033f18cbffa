import { describe, expect, test } from 'vitest';
import { partitionsBySpec } from '../../../models/fairness/group-spec.ts';
import { groupsOfColumn } from '../../../models/fairness/groups.ts';
import { holm } from '../../../models/fairness/permutation.ts';
import { fairnessReport, fairnessReports } from '../../../models/fairness/report.ts';
import { UsageError } from '../../../src/shared/errors.ts';

const n = 400;
const rows = Array.from({ length: n }, (_, i) => i);
const age = rows.map((i) => (i % 2 === 0 ? 'old' : 'young'));
const sex = rows.map((i) => (i % 4 < 2 ? 'f' : 'm'));
const labels = Uint8Array.from(rows, () => 0);
const dataset = {
  name: 'faces',
  n,
  shape: [1, 1, 1, 1],
  classes: ['no', 'yes'],
  labels,
  groups: { age, sex, both: age.map((a, i) => a + sex[i]!) },
} as unknown as Parameters<typeof partitionsBySpec>[0];

/** Wrong for the images in `wrong`. */
const answers = (model: string, wrong: (i: number) => boolean) => ({
  model,
  outcomes: {
    logits: Float32Array.from(rows.flatMap((i) => (wrong(i) ? [0, 1] : [1, 0]))),
    classes: 2,
    labels,
  },
});
const original = answers('original', () => false);
/** Loses a quarter of the old women and a twentieth of the others. */
const reduced = answers('reduced', (i) => (i % 4 === 0 ? i % 16 === 0 : i % 20 === 1));

describe('partitions of --groups', () => {
  const by = (spec: string) => partitionsBySpec(dataset, spec).map((partition) => partition.by.join('*'));

  test('each column, then each combination; one column alone is one partition', () => {
    expect(by('age')).toEqual(['age']);
    expect(by('age,sex')).toEqual(['age', 'sex', 'age*sex']);
    expect(by('age,sex,label')).toEqual([
      'age',
      'sex',
      'label',
      'age*sex',
      'age*label',
      'sex*label',
      'age*sex*label',
    ]);
    const [ages, , all] = partitionsBySpec(dataset, 'age,sex');
    expect(ages.groups.names).toEqual(['old', 'young']);
    expect(all!.groups.names).toEqual(['old, f', 'old, m', 'young, f', 'young, m']);
  });

  test('unknown columns, columns named twice and too many are refused', () => {
    for (const [spec, says] of [
      ['age,race', /race.*label, age, sex/],
      ['age,sex,age', /age is named twice/],
      ['age,sex,both,label,x', /at most 4 columns, got 5/],
    ] as const) {
      expect(() => by(spec)).toThrow(UsageError);
      expect(() => by(spec)).toThrow(says);
    }
  });
});

describe('reports of several partitions', () => {
  const partitions = partitionsBySpec(dataset, 'age,sex').map(({ groups }) => groups);
  const reports = fairnessReports(original, [reduced], partitions, { resamples: 100 });
  const tests = reports.map(({ groups }) => groups.map(({ models }) => models[1]!));

  test('each has the figures that it has alone, marginals by hand: 25 of 200 old and 20 / 2 of 200 young', () => {
    const [ages] = tests;
    expect(ages!.map(({ drop }) => drop)).toEqual([25 / 200, expect.closeTo(20 / 200, 12)]);
    const alone = fairnessReport(original, [reduced], groupsOfColumn(age), { resamples: 100 });
    expect(alone.groups.map(({ models }) => models[1]!.pValue)).toEqual(ages!.map(({ pValue }) => pValue));
  });

  test('p-values are corrected over all groups of all partitions together', () => {
    const pValues = tests.flat().map(({ pValue }) => pValue);
    expect(pValues).toHaveLength(8);
    expect(tests.flat().map(({ pAdjusted }) => pAdjusted)).toEqual(holm(pValues));
    expect(Math.min(...tests.flat().map(({ pAdjusted }) => pAdjusted))).toBeCloseTo(
      8 * Math.min(...pValues),
      12,
    );
  });
});
