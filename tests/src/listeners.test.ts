import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../src/shared/files.ts';

/** Files that are a process, a worker thread or a page; everything else is a library. */
const mains = [
  'src/cli/main.ts',
  '**/*-main.ts',
  'models/runtime/device-trial.ts',
  '{crypto,pipelines}/*/worker.ts',
  'src/page/client/*.ts',
  'src/browser/{session,thread}.ts',
];

const libraries = globSync('{src,models,crypto,pipelines}/**/*.ts', {
  cwd: packageRoot,
  exclude: [...mains, '**/*.as.ts', '**/*.d.ts'],
});

/** The listeners and timers that an import adds to a process of its own; `after` is run behind it. */
function changesBy(imports: readonly string[], after = ''): string[] {
  const script = `
    const state = () => [
      ...process.eventNames().map((name) => \`\${process.listenerCount(name)} on \${String(name)}\`),
      ...process.getActiveResourcesInfo().filter((name) => name === 'Timeout'),
    ];
    const before = state();
    for (const name of ${JSON.stringify(imports.map((name) => join(packageRoot, name)))}) await import(name);
    ${after}
    console.log(JSON.stringify(state().filter((line) => !before.includes(line))));
    process.exit();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as string[];
}

test('an import of the library adds no listeners to the process and starts no timers', () => {
  expect(changesBy(['src/index.ts'])).toEqual([]);
});

test('an import of any file does not, but for those that are a process', () => {
  expect(libraries.length).toBeGreaterThan(200);
  expect(changesBy(libraries)).toEqual([]);
});

test('a listener and a timer are found', () => {
  const after = "process.once('exit', () => {}); setInterval(() => {}, 1000);";
  expect(changesBy(['src/shared/files.ts'], after)).toEqual(['1 on exit', 'Timeout']);
});
