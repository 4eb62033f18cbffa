import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { describeFailure } from '../../../../src/cli/output/failure.ts';
import { whole } from '../../../../src/cli/options/command.ts';
import { table, toJson } from '../../../../src/cli/output/output.ts';
import { progressLine, progressView } from '../../../../src/cli/output/progress.ts';
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

describe('progress', () => {
  function lines(times: readonly number[], events: readonly { done: number; label?: string }[]): string {
    const stream = new PassThrough();
    let tick = 0;
    const view = progressView(stream, () => times[tick++]!);
    for (const event of events) view.onProgress({ label: 'work', total: 10, ...event });
    return String((stream.read() as Buffer | null) ?? '');
  }

  test('off a terminal a short job prints nothing', () => {
    expect(lines([0, 1000, 2000], [{ done: 0 }, { done: 5 }, { done: 10 }])).toBe('');
  });

  test('a long one prints a line every five seconds and its end', () => {
    const text = lines(
      [0, 2000, 5000, 7000, 9000],
      [0, 2, 5, 7, 10].map((done) => ({ done })),
    );
    expect(text).toBe('work: 50 %, 5.0 s so far, about 5.0 s left\nwork: 100 %, 9.0 s so far\n');
  });

  test('a line has the live figure', () => {
    expect(progressLine({ label: 'fit', done: 1, total: 4, note: 'loss 0.5' }, 3)).toBe(
      'fit: 25 %, loss 0.5, 3.0 s so far, about 9.0 s left',
    );
  });

  test('on a terminal a bar with ETA, cleared of the label before', () => {
    const stream = Object.assign(new PassThrough(), { isTTY: true, columns: 100 });
    const view = progressView(stream);
    view.onProgress({ label: 'first', done: 1, total: 2 });
    view.onProgress({ label: 'second', done: 2, total: 2, note: 'done' });
    view.stop();
    const text = String(stream.read());
    expect(text).toContain('first');
    expect(text).toContain('ETA');
    expect(text).toContain('second');
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
    expect(failure.line).toBe('x (run again with --verbose for the stack)');
  });
});

test('whole numbers are read strictly', () => {
  const parse = whole(0, 100);
  expect(parse('42')).toBe(42);
  for (const text of ['', '4.5', '1e1', '-1', '101', 'x', '0x10']) expect(() => parse(text)).toThrow();
});
