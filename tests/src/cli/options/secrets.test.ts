import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { askOptions } from '../../../../src/cli/options/server.ts';
import { readTokens } from '../../../../src/cli/options/tokens.ts';
import { UsageError } from '../../../../src/shared/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'reluctant-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));
function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const [one, other] = ['0123456789-first', '0123456789-other'];

describe('a file of tokens', () => {
  test('has a name for each, its line where none is given', async () => {
    const read = await readTokens('--tokens', file('right', `# wards\n\nward-7: ${one}\n${other}\n`));
    expect(read).toEqual([
      { name: 'ward-7', token: one },
      { name: 'line 4', token: other },
    ]);
  });

  test.each([
    ['none', '# nobody\n', /expected one token per line, found none/],
    ['one that is short', 'a: short\n', /: a: expected 16 to 500 visible/],
    ['two of one name', `a: ${one}\na: ${other}\n`, /two tokens have the same name/],
    ['one token of two clients', `a: ${one}\nb: ${other}\nc: ${one}\n`, /a and c have the same token/],
  ])('with %s is refused, and no token is told', async (name, text, message) => {
    const refused = readTokens('--tokens', file(name, text));
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.not.toThrow(/0123456789/);
  });
});

describe('the certificate of --ca', () => {
  const asked = (ca: string) => askOptions({ retry: 0, ca }, { warn: () => undefined });
  const certificate = fileURLToPath(new URL('../../fixtures/test-only.cert.pem', import.meta.url));
  const key = fileURLToPath(new URL('../../fixtures/test-only.key.pem', import.meta.url));

  test('is read', async () => {
    expect((await asked(certificate)).ca).toBeDefined();
  });

  test.each([
    ['a key', key],
    ['text', file('text', 'hello')],
  ])('is refused if it is %s: TLS would take it and trust nobody', async (_, path) => {
    await expect(asked(path)).rejects.toThrow(/^--ca .*: expected a certificate as PEM/);
    await expect(asked(path)).rejects.toThrow(UsageError);
  });
});
