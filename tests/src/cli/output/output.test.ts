import { describe, expect, test } from 'vitest';
import { describeFailure } from '../../../../src/cli/output/failure.ts';
import { percentagePoints, tolerancePoints, whole } from '../../../../src/cli/options/command.ts';
import { table, toJson } from '../../../../src/cli/output/output.ts';
import {
  DataError,
  ModelError,
  PlanError,
  ProtocolError,
  UsageError,
} from '../../../../src/shared/errors.ts';

describe('output', () => {
  test('keys become snake_case at every depth, typed arrays lists', () => {
    const value = { bytesUp: 1, steps: [{ outputShape: [1, 2] }], kinds: Uint8Array.of(3), none: null };
    expect(toJson(value)).toEqual({ bytes_up: 1, steps: [{ output_shape: [1, 2] }], kinds: [3], none: null });
    expect(() => toJson(new Map())).toThrow(TypeError);
  });

  test('a table has its columns aligned and no trailing blanks', () => {
    const text = table(
      [{ title: 'layer', align: 'left' }, { title: 'ReLUs' }],
      [
        ['conv', 7],
        ['relu', '12,345'],
      ],
    );
    expect(text.split('\n').map((line) => line.trimStart())).toEqual([
      'layer    ReLUs',
      expect.stringMatching(/^─+$/),
      'conv         7',
      'relu    12,345',
    ]);
  });
});

describe('failures', () => {
  test('each class has its exit code and one line', () => {
    const codes = [UsageError, ModelError, DataError, PlanError, ProtocolError].map(
      (kind) => describeFailure(new kind('what\n  happened')).code,
    );
    expect(codes).toEqual([2, 3, 4, 5, 6]);
    expect(describeFailure(new ModelError('a:\n  b\n  c')).line).toBe('a: b; c');
  });

  test('an unexpected error says how to see more', () => {
    const failure = describeFailure(new RangeError('x'));
    expect(failure.code).toBe(1);
    expect(failure.line).toBe('x (run again with --verbose for the stack trace)');
  });
});

test('a tolerance is in percentage points, with the unit or without', () => {
  for (const text of ['0.5pt', '0.5 pt', '0.5']) expect(tolerancePoints(text)).toBe(0.5);
  for (const text of ['0', '0pt', '-1pt', 'pt', '', '0.5%', '5p'])
    expect(() => tolerancePoints(text)).toThrow(/percentage points above zero, such as '0.5pt'/);
});

test('percentage points are a fraction, and more than all of them are refused', () => {
  expect(['0pt', '2pt', '0.5 pt', '100pt'].map(percentagePoints)).toEqual([0, 0.02, 0.005, 1]);
  for (const text of ['2', '-1pt', '100.1pt', '300pt', 'pt'])
    expect(() => percentagePoints(text)).toThrow(/percentage points, at most 100, such as '2pt'/);
});

test('whole numbers are read strictly', () => {
  const parse = whole(0, 100);
  expect(parse('42')).toBe(42);
  for (const text of ['', '4.5', '1e1', '-1', '101', 'x', '0x10']) expect(() => parse(text)).toThrow();
});
