import { expect, test } from 'vitest';
import { checkOrigin, takesOrigin } from '../../../src/net/origin.ts';
import { UsageError } from '../../../src/shared/errors.ts';

const local = 'localhost:8787';

test.each([
  ['a program', undefined, local, false, false, true],
  ['a listed page', 'https://example.org', local, false, false, true],
  ['a listed page under another port', 'https://example.org:8443', local, false, false, false],
  ['a page where none is served', `http://${local}`, local, false, false, false],
  ['its own page', `http://${local}`, local, false, true, true],
  ['its own page by address', 'http://192.0.2.1:8787', '192.0.2.1:8787', false, true, true],
  ['its own page by address of IPv6', 'http://[::1]:8787', '[::1]:8787', false, true, true],
  ['its own page by TLS', 'https://model.example.org', 'model.example.org', true, true, true],
  ['another port of this machine', 'http://localhost:3000', local, false, true, false],
  ['a page without TLS against a server with it', `http://${local}`, local, true, true, false],
  [
    'a name that an attacker points here',
    'http://evil.example:8787',
    'evil.example:8787',
    false,
    true,
    false,
  ],
  ['a sandboxed frame', 'null', local, false, true, false],
  ['a page, and no Host', `http://${local}`, undefined, false, true, false],
])('%s', (_, origin, host, isEncrypted, servesPage, expected) => {
  expect(takesOrigin({ origin, host, isEncrypted }, ['https://example.org'], servesPage)).toBe(expected);
});

test('an origin is taken as browsers write it', () => {
  expect(checkOrigin('https://example.org')).toBe('https://example.org');
  expect(checkOrigin('https://example.org/')).toBe('https://example.org');
  for (const wrong of [
    'example.org',
    'https://example.org/page',
    'ftp://example.org',
    'https://a.b:443',
    '*',
  ])
    expect(() => checkOrigin(wrong), wrong).toThrow(UsageError);
});
