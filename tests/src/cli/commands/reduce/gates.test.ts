import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countRelus } from '../../../../../models/analysis/inspect.ts';
import { loadModel } from '../../../../../models/files/read.ts';
import { cli, cliJson } from '../../../../helpers/processes/cli.ts';
import { writeSmallData } from '../../../../helpers/data/data.ts';
import { writeTiny } from '../../../../helpers/networks/networks.ts';

let folder: string;
let reduce: (...rest: string[]) => string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-gates-'));
  const [model, data] = [await writeTiny(folder), await writeSmallData(folder, 240)];
  reduce = (...rest) => ['reduce', model, '--data', data, '--epochs', '1', ...rest];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type One = { readonly relus_after: number; readonly log: readonly { readonly reason: string }[] };
type Several = { readonly networks: readonly { readonly relus: number; readonly file?: string }[] };

test('snl by channels, its trainings and their logs in a folder from which it goes on', async () => {
  const checkpoint = join(folder, 'snl');
  const args = reduce(
    '--method',
    'snl',
    '--budget',
    '0.25',
    '--granularity',
    'channel',
    '--replace',
    'affine',
  );
  const out = ['--search-epochs', '2', '--checkpoint', checkpoint, '--out', join(folder, 'snl.onnx')];
  const found = await cliJson<One>([...args, ...out]);
  expect(found.relus_after).toBe(1176);
  expect(countRelus(await loadModel(join(folder, 'snl.onnx')))).toBe(1176);
  expect(found.log[0]!.reason).toMatch(/highest values of alpha/);
  const log = (await readFile(join(checkpoint, 'search.jsonl'), 'utf8')).trimEnd().split('\n');
  expect(JSON.parse(log[0]!)).toMatchObject({ event: 'start', granularity: 'channel', searchEpochs: 2 });
  expect(log).toHaveLength(3);
  const first = await readFile(join(folder, 'snl.onnx'));
  await cliJson<One>([...args, ...out]);
  expect((await readFile(join(folder, 'snl.onnx'))).equals(first)).toBe(true);
  const other = await cli([...args, ...out, '--seed', '2']);
  expect(other.stderr).toMatch(/search.checkpoint: it is the checkpoint of a training with another/);
  expect(other.code).toBe(2);
});

test('autorep at several budgets: a network and a folder of trainings each', async () => {
  const checkpoint = join(folder, 'autorep');
  const args = reduce('--method', 'autorep', '--budget', '0.5,100', '--checkpoint', checkpoint);
  const { networks } = await cliJson<Several>([...args, '--out', join(folder, 'several')]);
  expect(networks.map(({ relus }) => relus)).toEqual([4704, 2352, 100]);
  for (const name of ['autorep-0.5', 'autorep-100'])
    expect(existsSync(join(checkpoint, name, 'fine-tuning.jsonl'))).toBe(true);
});

test('what is of other methods is refused before any work', async () => {
  const out = ['--budget', '9', '--out', join(folder, 'x.onnx')];
  for (const option of [
    ['--granularity', 'pixel'],
    ['--search-epochs', '2'],
  ]) {
    const { code, stderr } = await cli(reduce('--method', 'deepreduce', ...option, ...out));
    expect(stderr).toMatch(
      /option (granularity|search-epochs): deepreduce does not take it; snl, autorep, taylor(,| and) deepreshape( and hybrid)? do/,
    );
    expect(code).toBe(2);
  }
  const none = await cli(reduce('--method', 'autorep', '--search-epochs', '0', ...out));
  expect(none.stderr).toMatch(/option search-epochs of 0: autorep does not take it; hybrid does/);
  expect(none.code).toBe(2);
  const family = ['--method', 'deepreduce', '--family', '--checkpoint', join(folder, 'f'), '--out', folder];
  expect((await cli(reduce(...family))).stderr).toMatch(/--checkpoint needs --budget/);
  expect(existsSync(join(folder, 'x.onnx'))).toBe(false);
});
