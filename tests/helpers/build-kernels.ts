import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../src/shared/files.ts';

const modified = (name: string) =>
  statSync(join(packageRoot, 'crypto', 'ring', name), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** The kernels of crypto/ring; each is built from `name`.as.ts. */
const kernels = ['kernels', 'planes'];

/** Vitest's global setup: builds the kernels where one is missing or older than its source. */
export function setup(): void {
  if (kernels.every((name) => modified(`${name}.wasm`) > modified(`${name}.as.ts`))) return;
  const { status, stderr } = spawnSync('npm', ['run', '--silent', 'build:kernels'], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm run build:kernels failed:\n${stderr}`);
}
