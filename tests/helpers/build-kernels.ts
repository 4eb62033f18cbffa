import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/shared/files.ts';

const modified = (path: string) => statSync(join(packageRoot, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Vitest's global setup: builds the kernels where one is missing or older than its source. */
export function setup(): void {
  const sources = globSync('crypto/**/*.as.ts', { cwd: packageRoot });
  if (sources.every((source) => modified(source.replace('.as.ts', '.wasm')) > modified(source))) return;
  const { status, stderr } = spawnSync('npm', ['run', '--silent', 'build:kernels'], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm run build:kernels failed:\n${stderr}`);
}
