import { describe, expect, test } from 'vitest';
import { audit, describeFailure, parseReport } from '../../../models/fairness/audit.ts';
import { DataError } from '../../../src/shared/errors.ts';

/** Groups [n, accuracy before, accuracy after, excess drop]; two reduced models, the first equal to the original. */
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
    expect(describeFailure(excess.failures[0]!)).toBe(
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

describe('what is read', () => {
  const text = JSON.stringify(sample);

  test('a report, with anything else that it holds', () => {
    expect(parseReport(JSON.stringify({ ...sample, n: 3 }), 'r.json').groups).toHaveLength(3);
  });

  test.each([
    ['', /r\.json.*no JSON/],
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
