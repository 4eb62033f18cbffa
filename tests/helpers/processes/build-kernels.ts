import { spawnSync } from 'node:child_process';
import { globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../src/shared/files.ts';

const modified = (path: string) => statSync(join(packageRoot, path), { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** Vitest's global setup: builds the kernels and the page where they are missing or older than a source. */
export function setup(): void {
  const kernels = globSync('crypto/**/*.as.ts', { cwd: packageRoot });
  const newest = Math.max(...kernels.map(modified));
  const modules = globSync('crypto/*/*.as.ts', { cwd: packageRoot });
  if (modules.some((source) => modified(source.replace('.as.ts', '.wasm')) <= newest)) build('build:kernels');
  const sources = globSync('{src,crypto,pipelines,models}/**/*.{ts,css,html,wasm}', { cwd: packageRoot });
  const built = modified('dist/browser/page.html');
  if (sources.some((source) => modified(source) >= built)) build('build:browser');
}

function build(script: string): void {
  const { status, stderr } = spawnSync('npm', ['run', '--silent', script], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`npm run ${script} failed:\n${stderr}`);
}
