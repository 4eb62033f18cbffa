import { expect, test } from 'vitest';
import { failureText, readFailure } from '../../../src/net/web-socket-channel.ts';
import { encodeFrameHeader, tags } from '../../../crypto/channel/channel.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';

function frame(tag: (typeof tags)[keyof typeof tags], text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  return new Uint8Array([...encodeFrameHeader(tag, 0, payload.length), ...payload]);
}

test('a failure is read from failure frames only', () => {
  expect(readFailure(frame(tags.failure, 'step 3: expected this, got that'))).toBe(
    'step 3: expected this, got that',
  );
  expect(readFailure(frame(tags.hello, 'text'))).toBeUndefined();
  expect(readFailure(new Uint8Array(3))).toBeUndefined();
  expect(readFailure(frame(tags.failure, ''))).toBe('it gave no reason');
});

test('what a peer writes cannot reach the terminal or fill it', () => {
  const hostile = `\u001b[2J\u0007bell\n${'x'.repeat(5000)}`;
  const shown = readFailure(frame(tags.failure, hostile))!;
  expect(shown).toMatch(/^[\x20-\x7e]*$/);
  expect(shown.length).toBeLessThanOrEqual(300);
});

test('errors that are not the program’s own stay here', () => {
  const decode = (error: Error) => new TextDecoder().decode(failureText(error));
  expect(decode(new ProtocolError('step 3: expected this'))).toBe('step 3: expected this');
  expect(decode(new Error('/home/someone/secret'))).toBe('internal error');
});
