import { expect, test } from 'vitest';
import * as format from '../../../src/shared/format.ts';

test('durations', () => {
  const printed = [0.0000123, 0.0042, 0.9994, 0.9996, 7.31, 99.94, 99.96, 200].map(format.duration);
  expect(printed).toEqual([
    '12.3 µs',
    '4.20 ms',
    '999 ms',
    '1.0 s',
    '7.3 s',
    '99.9 s',
    '1 min 40 s',
    '3 min 20 s',
  ]);
});

test('bytes in decimal units', () => {
  const printed = [0, 999, 1000, 1500, 99_949, 99_951, 999_499, 999_600, 2_340_000_000].map(format.bytes);
  expect(printed).toEqual([
    '0 B',
    '999 B',
    '1.0 KB',
    '1.5 KB',
    '99.9 KB',
    '100 KB',
    '999 KB',
    '1.0 MB',
    '2.3 GB',
  ]);
});

test('fractions, points and counts', () => {
  expect(format.percent(0.9134)).toBe('91.3 %');
  expect(format.percent(NaN)).toBe('n/a');
  expect([0.0123, -0.0004, -0.05].map(format.points)).toEqual(['+1.2', '0.0', '-5.0']);
  expect(format.plainPoints(0.0123)).toBe('1.2');
  expect(format.count(1234567)).toBe('1,234,567');
  expect([4096, 3136, 1].map(format.scale)).toEqual(['2^12', '2^11.6', '2^0']);
});
