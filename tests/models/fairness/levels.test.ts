import { describe, expect, test } from 'vitest';
import { seededUniform, uniformInt } from '../../../models/data/seeded.ts';
import { testLosses } from '../../../models/fairness/loss-tests.ts';
import { meanDropPValues } from '../../../models/fairness/mean-drops.ts';
import type { Changes } from '../../../models/fairness/permutation.ts';
import { ratesUnderNull, unlikePValue } from '../../../models/fairness/unlike-changes.ts';
import { drawn, pValues, settings, together } from '../../helpers/loss-levels.ts';
import type { Rates } from '../../helpers/loss-levels.ts';
import { trialsZ } from '../../helpers/statistics.ts';

/** How far the share of p-values below `level` is above it, in standard deviations. */
function excessOf(found: readonly number[], level: number): number {
  return trialsZ(found.filter((p) => p < level).length, new Array<number>(found.length).fill(level));
}

describe('false alarms of groups of 30 stay below the level', () => {
  test.each(settings)('%s', (_, n, rates, restN, restRates) => {
    const found = pValues([n, rates], [restN, restRates], 800).map(({ both }) => both);
    for (const level of [0.05, 0.01]) expect(excessOf(found, level)).toBeLessThan(3);
  });

  test('the permutation test alone would raise too many', () => {
    const found = pValues([30, [0.3, 0.2]], [270, [0.1, 0]], 800).map(({ permuted }) => permuted);
    expect(excessOf(found, 0.05)).toBeGreaterThan(3);
    expect(excessOf(found, 0.01)).toBeGreaterThan(4);
  });
});

test('power: a group of 30 that loses three times as much is found in most draws', () => {
  const share = (found: readonly { both: number }[]) => found.filter(({ both }) => both < 0.05).length / 200;
  expect(share(pValues([30, [0.4, 0.02]], [270, [0.12, 0.02]], 200))).toBeGreaterThan(0.8);
  expect(share(pValues([100, [0.15, 0.02]], [200, [0.03, 0.02]], 200))).toBeGreaterThan(0.8);
});

describe('the p-value for unlike changes', () => {
  test('by hand: one image each, the group loses its own: lost and gained are likeliest at 1/2 each', () => {
    // With a difference d, (1 + d) / 2 * (1 - d) is largest at 0; t is infinite if the group loses its image.
    const p = unlikePValue({ n: 1, lost: 1, gained: 0 }, { n: 2, lost: 1, gained: 0 });
    expect(p).toBeCloseTo(1 / 2, 6);
  });

  test('is the share of random draws with a t as large, with the rates under the null', () => {
    const [group, rest] = [
      { n: 20, lost: 6, gained: 1 },
      { n: 50, lost: 6, gained: 3 },
    ];
    const [a, b] = ratesUnderNull(group, rest);
    expect(a.lost - a.gained).toBeCloseTo(b.lost - b.gained, 9);
    const uniform = seededUniform(4);
    const t = (x: Changes, y: Changes) => {
      const mean = ({ n, lost, gained }: Changes) => (lost - gained) / n;
      const error = (c: Changes) => ((c.lost + c.gained) / c.n - mean(c) ** 2) / (c.n - 1);
      return (mean(x) - mean(y)) / Math.sqrt(error(x) + error(y));
    };
    const rounds = 20_000;
    let asLarge = 0;
    for (let i = 0; i < rounds; i++) {
      const draws = [drawn(uniform, 20, [a.lost, a.gained]), drawn(uniform, 50, [b.lost, b.gained])] as const;
      if (t(...draws) >= t(group, rest) - 1e-9) asLarge++;
    }
    const p = unlikePValue(group, together(group, rest));
    expect(Math.abs(trialsZ(asLarge, new Array<number>(rounds).fill(p)))).toBeLessThan(5);
  });

  test('rates under the null are the most likely ones: no others with one difference are likelier', () => {
    const [group, rest] = [
      { n: 30, lost: 9, gained: 2 },
      { n: 60, lost: 5, gained: 4 },
    ];
    const likelihood = ({ n, lost, gained }: Changes, [l, g]: Rates) =>
      lost * Math.log(l) + gained * Math.log(g) + (n - lost - gained) * Math.log(1 - l - g);
    const found = ratesUnderNull(group, rest);
    const best =
      likelihood(group, [found[0].lost, found[0].gained]) +
      likelihood(rest, [found[1].lost, found[1].gained]);
    let most = -Infinity;
    for (let d = 0; d < 0.3; d += 0.01)
      for (let g = 0.01; g < 0.2; g += 0.01)
        for (let h = 0.01; h < 0.2; h += 0.01)
          most = Math.max(most, likelihood(group, [g + d, g]) + likelihood(rest, [h + d, h]));
    expect(best).toBeGreaterThan(most);
    expect(best - most).toBeLessThan(0.1);
  });

  test('nothing changed: 1; no rest: none; all of the group lost, nobody else: below 10^-6', () => {
    expect(unlikePValue({ n: 5, lost: 0, gained: 0 }, { n: 20, lost: 0, gained: 0 })).toBe(1);
    expect(unlikePValue({ n: 5, lost: 1, gained: 0 }, { n: 5, lost: 1, gained: 0 })).toBeNaN();
    expect(unlikePValue({ n: 30, lost: 30, gained: 0 }, { n: 300, lost: 30, gained: 0 })).toBeLessThan(1e-6);
    expect(unlikePValue({ n: 30, lost: 0, gained: 30 }, { n: 300, lost: 0, gained: 30 })).toBeGreaterThan(
      0.99,
    );
  });
});

test('means over three networks: false alarms of unlike groups stay below the level', () => {
  const uniform = seededUniform(6);
  const members = [
    Int32Array.from({ length: 30 }, (_, i) => i),
    Int32Array.from({ length: 200 }, (_, i) => 30 + i),
  ];
  const change = ([lost, gained]: Rates, u: number) => (u < lost ? 1 : u < lost + gained ? -1 : 0);
  const rounds = 300;
  let alarmed = 0;
  for (let round = 0; round < rounds; round++) {
    const drops = Float64Array.from({ length: 230 }, (_, i) => {
      const rates: Rates = i < 30 ? [0.3, 0.2] : [0.1, 0];
      const hard = uniform();
      const networks = [0, 1, 2].map(() => change(rates, uniform() < 0.5 ? hard : uniform()));
      return networks.reduce<number>((sum, drop) => sum + drop / 3, 0);
    });
    if (meanDropPValues(drops, members, (n) => uniformInt(uniform, n), 99)[0]! <= 0.05) alarmed++;
  }
  expect(trialsZ(alarmed, new Array<number>(rounds).fill(0.05))).toBeLessThan(3);
});

test('a group whose rest is too small is not tested either', () => {
  const before = new Float64Array(60).fill(1);
  const after = before.map((_, i) => (i < 20 ? 0 : 1));
  const members = [
    Int32Array.from({ length: 40 }, (_, i) => i),
    Int32Array.from({ length: 20 }, (_, i) => 40 + i),
  ];
  const tests = testLosses(before, [after], [members], {
    minGroup: 30,
    isOriginal: false,
    draw: () => 0,
  })[0]!;
  expect(tests.map(({ verdict }) => verdict)).toEqual(['too small', 'too small']);
});
