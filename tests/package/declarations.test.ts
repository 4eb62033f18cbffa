import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/shared/files.ts';
import { reachedDeclarations } from './declarations.ts';

const manifest = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as {
  files: string[];
  dependencies: Record<string, string>;
  exports: Record<string, unknown>;
};
const isBuilt = existsSync(join(packageRoot, 'dist/src/index.d.ts'));

/** `npm ci` builds dist/; a work tree without it has nothing to check. */
test.skipIf(!isBuilt).each([
  ['.', 'dist/src/index.d.ts'],
  ['./browser', 'dist/src/browser/client.d.ts'],
])('the declarations of %s are whole in the package', (name, entry) => {
  expect(manifest.exports[name]).toMatchObject({ types: `./${entry}` });
  const { files, missing, packages } = reachedDeclarations(packageRoot, entry);
  expect(files.length).toBeGreaterThan(10);
  expect(missing, 'npm run build makes dist/ anew').toEqual([]);
  expect(manifest.files).toContain('dist');
  expect(files.filter((file) => !file.startsWith('dist/'))).toEqual([]);
  expect(packages.filter((name) => !Object.hasOwn(manifest.dependencies, name))).toEqual([]);
});

test('a declaration that is not there is found, and every package', () => {
  const folder = mkdtempSync(join(tmpdir(), 'reluctant-declarations-'));
  try {
    writeFileSync(
      join(folder, 'a.d.ts'),
      `export type { B } from './b.js';\nimport type { X } from "@x/y/z";\n`,
    );
    writeFileSync(
      join(folder, 'b.d.ts'),
      `export type B = import('ws').WebSocket | import('./gone.ts').C;\n`,
    );
    expect(reachedDeclarations(folder, 'a.d.ts')).toEqual({
      files: ['a.d.ts', 'b.d.ts', 'gone.d.ts'],
      missing: ['gone.d.ts'],
      packages: ['@x/y', 'ws'],
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
