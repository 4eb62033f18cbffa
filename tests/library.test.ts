import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../src/shared/files.ts';
import { finished } from './helpers/processes/cli.ts';
import { exampleOf, exampleOutput, pagesWithExample } from './helpers/processes/library-example.ts';

const example = exampleOf(pagesWithExample[0]!);

test.each(pagesWithExample)('%s shows the same program', (page) => {
  expect(exampleOf(page)).toBe(example);
});

/**
 * The program with 1,000 images to train on: four fifths of its time is training. With all of them it runs from
 * what is installed, in tests/package.
 */
function withFewImages(program: string): string {
  const all = "await loadDataset('fashion-mnist-part', 'train')";
  expect(program.split(all)).toHaveLength(2);
  const few = `subset(${all}, Array.from({ length: 1000 }, (_, i) => i))`;
  return `import { subset } from 'reluctant';\n${program.replace(all, few)}`;
}

test('the program has about twenty lines, and does what they say', async () => {
  const lines = example.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('//'));
  expect(lines.length).toBeLessThanOrEqual(20);
  const folder = await mkdtemp(join(tmpdir(), 'reluctant-library-'));
  try {
    const file = join(folder, 'example.mjs');
    await writeFile(file, withFewImages(example));
    const hooks = join(packageRoot, 'tests/helpers/processes/package-from-sources.ts');
    const child = spawn(process.execPath, ['--import', hooks, file], { stdio: ['ignore', 'pipe', 'pipe'] });
    const { code, stdout, stderr } = await finished(child);
    expect(stderr).toBe('');
    expect(stdout).toMatch(exampleOutput);
    expect(code).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 300_000);
