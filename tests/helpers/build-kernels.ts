import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/shared/files.ts';

const modified = (name: string) =>
  statSync(join(packageRoot, 'crypto', 'ring', name), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Vitest's global setup: builds kernels.wasm where it is missing or older than its source. */
export function setup(): void {
  if (modified('kernels.wasm') > modified('kernels.as.ts')) return;
  const { status, stderr } = spawnSync('npm', ['run', '--silent', 'build:kernels'], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm run build:kernels failed:\n${stderr}`);
}
