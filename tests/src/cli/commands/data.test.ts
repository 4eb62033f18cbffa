import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { formats } from '../../../../models/data/forms/formats.ts';
import { variants } from '../../../../models/data/variants.ts';
import { cli, cliJson } from '../../../helpers/processes/cli.ts';

test('data formats lists every form and addition with what it is', async () => {
  const { stdout } = await cli(['data', 'formats']);
  const text = stdout.replaceAll(/ +/g, ' ');
  for (const { spec, summary, needs } of Object.values(formats))
    expect(text).toContain(`${spec} ${summary} ${needs}`);
  for (const { spec, summary } of Object.values(variants)) expect(text).toContain(`${spec} ${summary}`);
});

test('data formats --json has the same rows', async () => {
  const found = await cliJson<Record<'forms' | 'additions', { form: string }[]>>(['data', 'formats']);
  expect(found.forms.map(({ form }) => form)).toEqual(Object.values(formats).map(({ spec }) => spec));
  expect(found.additions.map(({ form }) => form)).toEqual(Object.values(variants).map(({ spec }) => spec));
});

test('a download that fails has the exit code of a connection, names the mirrors and leaves nothing', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'no-download-'));
  vi.stubEnv('XDG_CACHE_HOME', cache);
  vi.stubGlobal('fetch', () => Promise.reject(new TypeError('fetch failed')));
  const { code, stdout, stderr } = await cli(['data', 'fetch', 'fashion-mnist']);
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
  expect([code, stdout]).toEqual([6, '']);
  expect(stderr).toMatch(/^reluctant: train-images.*: it could not be downloaded .*githubusercontent.*\n$/);
  expect(await readdir(cache)).toEqual([]);
});
