import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateKeyPairSync } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { connect } from '../../../src/client.ts';
import { readCertificate } from '../../../src/net/certificate.ts';
import { connectionFailure } from '../../../src/net/connection-failure.ts';
import { ConnectionError, UsageError } from '../../../src/shared/errors.ts';

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/test-only.${name}.pem`, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'reluctant-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const pem = { type: 'pkcs8', format: 'pem' } as const;
const otherKey = file('other.pem', String(privateKey.export(pem)));
const encrypted = privateKey.export({ ...pem, cipher: 'aes-256-cbc', passphrase: 'secret' });
const whole = readFileSync(fixture('cert'), 'utf8');

describe('a certificate that TLS cannot use is told in plain words', () => {
  test.each([
    ['nothing there', 'nowhere.pem', fixture('key'), /^TLS certificate nowhere\.pem: no such file$/],
    ['no PEM', file('text', 'hello'), fixture('key'), /^TLS certificate .*text: expected a PEM file/],
    ['cut off', file('half', whole.slice(0, 400)), fixture('key'), /^TLS certificate .*half: /],
    ['the key of another', fixture('cert'), otherKey, /^TLS key .*: it is not the key of the certificate$/],
    [
      'a key with a passphrase',
      fixture('cert'),
      file('e', String(encrypted)),
      /^TLS key .*: it is encrypted/,
    ],
  ])('%s', (_, cert, key, message) => {
    expect(() => readCertificate({ cert, key })).toThrow(message);
    expect(() => readCertificate({ cert, key })).toThrow(UsageError);
    expect(() => readCertificate({ cert, key })).not.toThrow(/error:|OSSL/);
  });

  test('a right pair is read', () => {
    const pair = { cert: fixture('cert'), key: fixture('key') };
    expect(readCertificate(pair).cert.toString()).toBe(whole);
  });
});

describe('a connection that does not come about', () => {
  test.each(['CERT_HAS_EXPIRED', 'ERR_TLS_CERT_ALTNAME_INVALID', 'SELF_SIGNED_CERT_IN_CHAIN'])(
    'because of %s is no reason to try again',
    (code) => {
      const failure = connectionFailure('wss://x', Object.assign(new Error('raw'), { code }), false);
      expect(failure.message).toMatch(/^server wss:\/\/x: its certificate /);
      expect(failure).not.toBeInstanceOf(ConnectionError);
    },
  );

  test('because nobody listens may come about later', () => {
    const error = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
    const failure = connectionFailure('ws://x', error, false);
    expect(failure).toBeInstanceOf(ConnectionError);
    expect(failure.message).toBe(
      'server ws://x: connect ECONNREFUSED; no server listens there: is it running, and is the port right?',
    );
    const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND x'), { code: 'ENOTFOUND' });
    expect(connectionFailure('ws://x', unknown, false).message).toMatch(
      /ENOTFOUND x; no machine has this name$/,
    );
  });

  test.each([
    ['503', true],
    ['404', false],
  ])('because of HTTP %s may come about later: %s', (code, later) => {
    const failure = connectionFailure('ws://x', new Error(`Unexpected server response: ${code}`), false);
    expect(failure instanceof ConnectionError).toBe(later);
  });

  test('wss:// where no TLS is spoken names ws://', async () => {
    const plain = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const { port } = plain.address() as AddressInfo;
    const refused = connect(`wss://127.0.0.1:${port}`);
    await expect(refused).rejects.toThrow(`server wss://127.0.0.1:${port}: it does not speak TLS there`);
    plain.close();
  });
});
