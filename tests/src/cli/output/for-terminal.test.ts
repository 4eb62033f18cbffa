import { expect, test } from 'vitest';
import { describeFailure } from '../../../../src/cli/output/failure.ts';
import { forTerminal } from '../../../../src/cli/output/for-terminal.ts';
import { UsageError } from '../../../../src/shared/errors.ts';

test('control characters are written out; text of any language, lines and our own bold stay', () => {
  const hostile = 'a\x1b[31mred\x1b]52;c;aGk=\x07\r\x9b2J\x7f';
  expect(forTerminal(hostile)).toBe('a\\u001b[31mred\\u001b]52;c;aGk=\\u0007\\u000d\\u009b2J\\u007f');
  // A document stays one: JSON writes some of them raw.
  expect(JSON.parse(forTerminal(JSON.stringify({ hostile })))).toEqual({ hostile });
  const ours = '\x1b[1mDone\x1b[22m\nFußgänger\t猫';
  expect(forTerminal(ours)).toBe(ours);
});

test('an error that has a file in its text is safe to print', () => {
  expect(describeFailure(new UsageError('x\x1b[2J.onnx: no such file')).line).not.toMatch(/\p{Cc}/u);
});
