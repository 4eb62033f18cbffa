import { describe, expect, test } from 'vitest';
import { audit, describeBrokenLimit, minGroupOf, parseReport } from '../../../models/fairness/audit.ts';
import type { AuditedReport } from '../../../models/fairness/audit.ts';
import { DataError } from '../../../src/shared/errors.ts';

/**
 * Groups [n, accuracy before, accuracy after, excess drop]; two reduced models, the first equal to the
 * original.
 */
function report(groups: Readonly<Record<string, readonly [number, number, number, number]>>) {
  return {
    groups: Object.entries(groups).map(([group, [n, before, after, excess]]) => ({
      group,
      n,
      models: [
        { model: 'original', accuracy: before, excess_drop: 0 },
        { model: 'same', accuracy: before, excess_drop: 0 },
        { model: 'reduced', accuracy: after, excess_drop: excess },
      ],
    })),
  };
}

const sample = report({ a: [500, 0.9, 0.89, -0.01], b: [400, 0.88, 0.84, 0.02], c: [20, 0.9, 0.5, 0.38] });

describe('audit', () => {
  test('each limit fails by itself, naming model, group and value', () => {
    const excess = audit(sample, { maxExcessDrop: 0.01, minGroup: 100 });
    expect(excess.passed).toBe(false);
    expect(excess.failures).toEqual([
      { model: 'reduced', limit: 'maxExcessDrop', group: 'b', n: 400, value: 0.02, allowed: 0.01 },
    ]);
    expect(describeBrokenLimit(excess.failures[0]!)).toBe(
      'reduced: b (400 images): 2.0 points lost beyond the average, allowed 1.0',
    );
    const gap = audit(sample, { maxGap: 0.02, minGroup: 100 });
    expect(gap.failures).toMatchObject([{ model: 'reduced', limit: 'maxGap', group: 'b' }]);
    expect(gap.failures[0]!.value).toBeCloseTo(0.05, 12);
    const widening = audit(sample, { maxWidening: 0.02, minGroup: 100 });
    expect(widening.failures).toMatchObject([{ model: 'reduced', limit: 'maxWidening', group: 'b' }]);
    expect(widening.failures[0]!.value).toBeCloseTo(0.03, 12);
  });

  test('passes at the limits, without limits not held, and counts a small group only where asked to', () => {
    const limits = { maxGap: 0.05, maxWidening: 0.03, maxExcessDrop: 0.02, minGroup: 100 };
    expect(audit(sample, limits)).toMatchObject({ passed: true, tooSmall: [{ group: 'c', n: 20 }] });
    expect(audit(sample, { ...limits, minGroup: 20 }).failures.map(({ group }) => group)).toEqual([
      'c',
      'c',
      'c',
    ]);
    expect(audit(sample, { minGroup: 20 }).passed).toBe(true);
  });

  test('does not pass where no group is large enough', () => {
    expect(audit(sample, { maxGap: 1, minGroup: 501 })).toMatchObject({
      passed: false,
      judged: [],
      failures: [],
    });
  });
});

describe('several partitions', () => {
  const twice = {
    ...sample,
    marginals: [report({ old: [700, 0.9, 0.8, 0.03], young: [300, 0.9, 0.9, -0.01] })],
  };

  test('each is judged by itself: a marginal fails where the combinations pass', () => {
    const found = audit(twice, { maxExcessDrop: 0.025, minGroup: 100 });
    expect(found.failures.map(({ group }) => group)).toEqual(['old']);
    expect(found.judged.map(({ group }) => group)).toEqual(['old', 'young', 'a', 'b']);
    const gaps = audit(twice, { maxGap: 0.08, minGroup: 100 }).failures;
    expect(gaps.map(({ group, value }) => [group, value])).toEqual([['old', expect.closeTo(0.1, 12)]]);
  });

  test("groups are judged from the report's own size on, or from 30", () => {
    expect(minGroupOf(twice)).toBe(30);
    expect(minGroupOf({ ...sample, gap: { min_group: 93, models: [] } })).toBe(93);
  });
});

describe('intervals in place of measured values', () => {
  /**
   * b loses 2 points beyond the average, by the interval 0.5 to 3.5; the gap is 5, 3 to 7 points, 38 with the
   * small group c.
   */
  const withIntervals: AuditedReport = {
    ...sample,
    groups: sample.groups.map((group) => ({
      ...group,
      models: group.models.map((row) => ({
        ...row,
        excess_drop_interval: [row.excess_drop - 0.015, row.excess_drop + 0.015] as [number, number],
      })),
    })),
    gap: {
      min_group: 100,
      models: [0, 1, 2].map((m) => ({
        all_gap: m === 2 ? 0.39 : 0.02,
        all_widening: m === 2 ? 0.37 : 0,
        all_gap_interval: m === 2 ? [0.2, 0.6] : [0, 0.04],
        all_widening_interval: m === 2 ? [0.2, 0.6] : [0, 0],
        gap: m === 2 ? 0.05 : 0.02,
        widening: m === 2 ? 0.03 : 0,
        interval: m === 2 ? [0.03, 0.07] : [0, 0.04],
        widening_interval: m === 2 ? [0.01, 0.05] : [0, 0],
      })),
    },
  };
  const judged = (judge: 'measured' | 'outside' | 'inside', limits: object, minGroup = 100) =>
    audit(withIntervals, { ...limits, minGroup, judge }).failures.map(({ model, limit, group }) =>
      [model, limit, group].join(' '),
    );

  test('measured, shown to be outside, not shown to be inside: three answers at one limit', () => {
    const at = (points: number) => ({ maxExcessDrop: points / 100 });
    expect(judged('measured', at(1))).toEqual(['reduced maxExcessDrop b']);
    expect(judged('outside', at(1))).toEqual([]);
    expect(judged('outside', at(0.4))).toEqual(['reduced maxExcessDrop b']);
    expect(judged('inside', at(3))).toEqual(['reduced maxExcessDrop b']);
    expect(judged('measured', at(3))).toEqual([]);
    expect(judged('inside', at(3.5))).toEqual([]);
    expect(judged('inside', at(0.4))).toContain('same maxExcessDrop a');
  });

  test('gaps of the groups that are judged: those large enough, or all', () => {
    expect(judged('inside', { maxGap: 0.06 })).toEqual(['reduced maxGap b']);
    expect(judged('inside', { maxGap: 0.07 })).toEqual([]);
    expect(judged('outside', { maxGap: 0.06 })).toEqual([]);
    expect(judged('outside', { maxGap: 0.06 }, 20)).toEqual(['reduced maxGap c']);
    expect(judged('inside', { maxWidening: 0.04 })).toEqual(['reduced maxWidening b']);
  });

  test('a failure has its interval', () => {
    const [failure] = audit(withIntervals, { maxGap: 0.06, minGroup: 100, judge: 'inside' }).failures;
    expect(failure).toMatchObject({ value: 0.05, interval: [0.03, 0.07], allowed: 0.06 });
    expect(describeBrokenLimit(failure!)).toMatch(/5\.0 points \(interval 3\.0 to 7\.0\) between/);
  });

  test('no interval for the groups that are judged is a DataError that says what to do', () => {
    const limits = { maxGap: 1, judge: 'inside' } as const;
    expect(() => audit(withIntervals, { ...limits, minGroup: 450 })).toThrow(DataError);
    expect(() => audit(withIntervals, { ...limits, minGroup: 450 })).toThrow(/--max-width/);
    expect(() => audit(sample, { maxExcessDrop: 1, judge: 'inside', minGroup: 20 })).toThrow(/no interval/);
    expect(audit(sample, { maxExcessDrop: 1, minGroup: 20 }).passed).toBe(true);
  });
});

describe('what is read', () => {
  const text = JSON.stringify(sample);

  test('a report, with anything else that it holds', () => {
    expect(parseReport(JSON.stringify({ ...sample, n: 3 }), 'r.json').groups).toHaveLength(3);
  });

  test.each([
    ['', /r\.json.*not JSON/],
    ['{"groups":[]}', /r\.json.*groups/],
    [text.replace('0.84', '"0.84"'), /groups\.1\.models\.2\.accuracy/],
    [text.replace('0.84', '84'), /groups\.1\.models\.2\.accuracy/],
    [text.replace('"reduced"', '"other"'), /same models/],
    [text.replace('"n":400,', ''), /groups\.1\.n/],
  ])('refuses %s', (wrong, says) => {
    expect(() => parseReport(wrong, 'r.json')).toThrow(DataError);
    expect(() => parseReport(wrong, 'r.json')).toThrow(says);
  });
});
