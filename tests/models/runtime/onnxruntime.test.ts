import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packageRoot } from '../../../src/shared/files.ts';

test('running a network leaves nothing of onnxruntime behind: no number of the machine, no database', () => {
  const home = mkdtempSync(join(tmpdir(), 'reluctant-home-'));
  const file = (path: string) => JSON.stringify(join(packageRoot, path));
  const run = `
    const { tinyResnet } = await import(${file('tests/helpers/networks/networks.ts')});
    const { predict } = await import(${file('models/runtime/run.ts')});
    await predict(tinyResnet(), new Float32Array(128), 1);`;
  // Without what this process has set for itself.
  const env = { ...process.env, HOME: home };
  for (const own of ['ORT_DISABLE_TELEMETRY', 'XDG_CACHE_HOME']) Reflect.deleteProperty(env, own);
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', run], {
    env,
    encoding: 'utf8',
  });
  const left = existsSync(home) ? readdirSync(home, { recursive: true }) : [];
  rmSync(home, { recursive: true });
  expect({ status, stderr, left }).toEqual({ status: 0, stderr: '', left: [] });
});
