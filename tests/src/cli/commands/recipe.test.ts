import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cli, cliJson } from '../../../helpers/processes/cli.ts';

test('the recipes of the package are listed and shown', async () => {
  const recipes = await cliJson<{ name: string }[]>(['recipe', 'list']);
  expect(recipes.map(({ name }) => name)).toContain('snl-cifar100-resnet18-49k');
  const { stdout, code } = await cli(['recipe', 'show', 'autorep-cifar10-resnet18-13k']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/published: 94\.3 % with 12,900 ReLUs\ntrain: epochs 400, .*optimizer \(name sgd, /);
});

test('a recipe that there is not, and data of another form, are refused with what to do', async () => {
  const unknown = await cli(['recipe', 'show', 'magic']);
  expect([unknown.code, unknown.stderr]).toEqual([
    2,
    expect.stringMatching(/^reluctant: recipe 'magic' is not known/),
  ]);
  const out = await mkdtemp(join(tmpdir(), 'recipe-'));
  const other = await cli([
    'recipe',
    'run',
    'snl-cifar100-resnet18-13k',
    '--data',
    'fashion-mnist-part',
    '--out',
    out,
  ]);
  expect([other.code, other.stderr]).toEqual([
    4,
    expect.stringMatching(/expected 100 classes of images 3 x 32 x 32/),
  ]);
});
