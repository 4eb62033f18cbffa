import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unreadable } from '../../../src/shared/unreadable.ts';

function reasonFor(path: string): string {
  try {
    readFileSync(path);
  } catch (error) {
    return unreadable(error);
  }
  throw new Error(`${path} was read`);
}

test('why a file cannot be read is said in words; of rare reasons the system’s words are kept', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unreadable-'));
  expect(reasonFor(join(folder, 'none'))).toBe('no such file');
  expect(reasonFor(folder)).toBe('expected a file, got a folder');
  expect(reasonFor(join(folder, 'x'.repeat(300)))).toMatch(/^ENAMETOOLONG/);
  rmSync(folder, { recursive: true });
});
