import { describe, expect, test } from 'vitest';
import { seededUniform } from '../../../models/data/seeded.ts';
import { seededDraw } from '../../../models/fairness/bootstrap.ts';
import { testLosses } from '../../../models/fairness/loss-tests.ts';
import {
  normalQuantile,
  changesOf,
  detectableLoss,
  holm,
  permutationPValue,
} from '../../../models/fairness/permutation.ts';
import { trialsZ } from '../../helpers/statistics.ts';

const options = { minGroup: 10, isOriginal: false, draw: seededDraw(1) };

/** Welch's t of the members against the others, from the drops themselves. */
function welch(drops: readonly number[], members: readonly number[]): number {
  const sides = [members, drops.map((_, i) => i).filter((i) => !members.includes(i))].map((indices) => {
    const values = indices.map((i) => drops[i]!);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { mean, error: squares / (values.length - 1) / values.length };
  });
  const [group, rest] = sides as [(typeof sides)[0], (typeof sides)[0]];
  const difference = group.mean - rest.mean;
  return Math.abs(difference) < 1e-12 ? 0 : difference / Math.sqrt(group.error + rest.error);
}

function subsets(n: number, size: number, from = 0): number[][] {
  if (size === 0) return [[]];
  return Array.from({ length: Math.max(0, n - from) }, (_, i) => from + i).flatMap((first) =>
    subsets(n, size - 1, first + 1).map((rest) => [first, ...rest]),
  );
}

function countChanges(drops: readonly number[]) {
  const count = (value: number) => drops.filter((drop) => drop === value).length;
  return { n: drops.length, lost: count(1), gained: count(-1) };
}

describe('permutation test', () => {
  test('changes are counted among the members only', () => {
    const [before, after] = [Float64Array.of(1, 1, 0, 0, 1), Float64Array.of(0, 1, 1, 0, 0)];
    expect(changesOf(before, after, [0, 1, 2])).toEqual({ n: 3, lost: 1, gained: 1 });
  });

  test('by hand: both losses of four images fall into a group of two, one deal in six', () => {
    const p = permutationPValue({ n: 2, lost: 2, gained: 0 }, { n: 4, lost: 2, gained: 0 });
    expect(p).toBeCloseTo(1 / 6, 12);
  });

  test.each([
    [
      [1, 1, 0, 0, 0, 0, 1, 0, -1, 0],
      [0, 1, 2, 3],
    ],
    [
      [1, 0, -1, 0, 1, 0, -1, 0, 0, 1, 1],
      [0, 1, 4],
    ],
    [
      [-1, -1, 0, 0, 1, 1, 1, 0, 0],
      [0, 1, 2, 3, 4],
    ],
  ])('is the share of all deals with a t as large: %j', (drops, members) => {
    const deals = subsets(drops.length, members.length);
    const seen = welch(drops, members);
    const asLarge = deals.filter((deal) => welch(drops, deal) >= seen - 1e-9).length;
    const found = permutationPValue(countChanges(members.map((i) => drops[i]!)), countChanges(drops));
    expect(found).toBeCloseTo(asLarge / deals.length, 10);
  });

  test('nothing changed: 1; no rest, or nobody: no test', () => {
    expect(permutationPValue({ n: 5, lost: 0, gained: 0 }, { n: 20, lost: 0, gained: 0 })).toBe(1);
    expect(permutationPValue({ n: 5, lost: 1, gained: 0 }, { n: 5, lost: 1, gained: 0 })).toBeNaN();
    expect(permutationPValue({ n: 0, lost: 0, gained: 0 }, { n: 5, lost: 1, gained: 0 })).toBeNaN();
  });

  test('a clear loss among 10,000 images is found, its mirror image is not', () => {
    const all = { n: 10_000, lost: 400, gained: 300 };
    expect(permutationPValue({ n: 1000, lost: 90, gained: 25 }, all)).toBeLessThan(1e-6);
    expect(permutationPValue({ n: 1000, lost: 25, gained: 90 }, all)).toBeGreaterThan(0.999);
  });
});

describe('false alarms under the null', () => {
  const rounds = 600;
  const members = [0, 1, 2].map((g) =>
    Int32Array.from({ length: 120 - 40 * g }, (_, i) => i + [0, 120, 200][g]!),
  );

  /** Scores of 240 images whose answers change with the probabilities of their group. */
  function draw(uniform: () => number, changing: readonly number[]) {
    const before = new Float64Array(240);
    const after = new Float64Array(240);
    members.forEach((group, g) =>
      group.forEach((sample) => {
        const u = uniform();
        if (u < changing[g]!) before[sample] = 1;
        else if (u < 2 * changing[g]!) after[sample] = 1;
      }),
    );
    return { before, after };
  }

  function alarms(changing: readonly number[], watched: number) {
    const uniform = seededUniform(11);
    let [single, any] = [0, 0];
    for (let round = 0; round < rounds; round++) {
      const { before, after } = draw(uniform, changing);
      const tests = testLosses(before, [after], [members], options)[0]!;
      if (tests[watched]!.pValue < 0.05) single++;
      if (tests.some(({ verdict }) => verdict === 'loses more')) any++;
    }
    const z = (count: number) => trialsZ(count, new Array<number>(rounds).fill(0.05));
    return { single: z(single), any: z(any) };
  }

  test('5 % for one group, at most 5 % for any of three', () => {
    const { single, any } = alarms([0.08, 0.08, 0.08], 0);
    expect(Math.abs(single)).toBeLessThan(4);
    expect(any).toBeLessThan(3);
  });

  test('also where one group changes its answers five times as often but loses no more', () => {
    const { single, any } = alarms([0.05, 0.05, 0.25], 2);
    expect(single).toBeLessThan(3);
    expect(any).toBeLessThan(4);
  });

  test('an alarm is raised where a group does lose more', () => {
    const uniform = seededUniform(3);
    let found = 0;
    for (let round = 0; round < 50; round++) {
      const { before, after } = draw(uniform, [0.05, 0.05, 0.05]);
      members[1]!.subarray(0, 24).forEach((sample) => ((before[sample] = 1), (after[sample] = 0)));
      if (testLosses(before, [after], [members], options)[0]![1]!.verdict === 'loses more') found++;
    }
    expect(found).toBeGreaterThan(45);
  });
});

describe('correction and power', () => {
  test('Holm by hand: 0.01, 0.04, 0.03 of three become 0.03, 0.06, 0.06; no test stays none', () => {
    const adjusted = holm([0.01, 0.04, NaN, 0.03]);
    [0.03, 0.06, NaN, 0.06].forEach((p, i) =>
      Number.isNaN(p) ? expect(adjusted[i]).toBeNaN() : expect(adjusted[i]).toBeCloseTo(p, 12),
    );
    expect(holm([0.9, 0.8])).toEqual([1, 1]);
  });

  test('quantiles of the normal distribution', () => {
    expect(normalQuantile(0.975)).toBeCloseTo(1.959964, 5);
    expect(normalQuantile(0.2)).toBeCloseTo(-0.841621, 5);
  });

  test('what can be noticed, by hand: 100 and 900 images, a tenth and a hundredth of them lost', () => {
    const found = detectableLoss({ n: 100, lost: 10, gained: 0 }, { n: 1000, lost: 19, gained: 0 }, 1);
    const error = Math.sqrt((0.1 * 0.9) / 99 + (0.01 * 0.99) / 899);
    expect(found).toBeCloseTo((1.644854 + 0.841621) * error, 5);
    expect(detectableLoss({ n: 60, lost: 0, gained: 0 }, { n: 100, lost: 0, gained: 0 }, 1)).toBe(0.05);
  });

  test('small groups are too small to tell and do not count in the correction', () => {
    const before = new Float64Array(100).fill(1);
    const after = before.map((_, i) => (i < 8 ? 0 : 1));
    const members = [0, 1, 2].map((g) =>
      Int32Array.from({ length: [50, 45, 5][g]! }, (_, i) => i + [0, 50, 95][g]!),
    );
    const tests = testLosses(before, [after], [members], options)[0]!;
    expect(tests.map(({ verdict }) => verdict)).toEqual(['loses more', 'no evidence', 'too small']);
    expect(tests[0]!.pAdjusted).toBeCloseTo(2 * tests[0]!.pValue, 12);
    expect(tests[2]!.pValue).toBeNaN();
  });
});
