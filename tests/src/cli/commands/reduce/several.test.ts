import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { countRelus } from '../../../../../models/analysis/inspect.ts';
import { loadModel } from '../../../../../models/files/read.ts';
import { cli, cliJson } from '../../../../helpers/processes/cli.ts';
import { writeSmallData } from '../../../../helpers/data/data.ts';
import { writeTiny } from '../../../../helpers/networks/networks.ts';

let folder: string;
let model: string;
let data: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-several-'));
  [model, data] = [await writeTiny(folder), await writeSmallData(folder, 240)];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Several = {
  networks: {
    name: string;
    relus?: number;
    accuracy?: number;
    front: boolean;
    file?: string;
    refused?: string;
  }[];
};
const reduce = (...rest: string[]) => ['reduce', model, '--data', data, '--epochs', '1', ...rest];

test('several budgets: a network each, a table, and a second run that makes none again', async () => {
  const out = join(folder, 'budgets');
  const args = reduce('--method', 'deepreduce', '--budget', '0.5,100,0', '--out', out);
  const { networks } = await cliJson<Several>(args);
  expect(networks.map(({ relus }) => relus)).toEqual([4704, 2352, 100, 0]);
  expect(networks.some(({ front }) => front)).toBe(true);
  for (const { file, relus } of networks.slice(1)) expect(countRelus(await loadModel(file!))).toBe(relus);
  const record = JSON.parse(await readFile(join(out, 'deepreduce-100.json'), 'utf8')) as { log: object[] };
  expect(record.log.length).toBe(4);

  const file = join(out, 'deepreduce-100.onnx');
  const { mtimeMs } = await stat(file);
  await rm(join(out, 'deepreduce-0.onnx'));
  expect((await cliJson<Several>(args)).networks).toEqual(networks);
  expect((await stat(file)).mtimeMs).toBe(mtimeMs);
  await cliJson<Several>([...args, '--seed', '2']); // told something else: made anew
  expect((await stat(file)).mtimeMs).toBeGreaterThan(mtimeMs);
});

test('the family: a row and a file for each network', async () => {
  const out = join(folder, 'family');
  const args = reduce('--method', 'deepreduce', '--family', '--out', out, '--replace', 'identity');
  const { networks } = await cliJson<Several>([...args, '--stages', 'all=*']);
  expect(networks.map(({ name, relus }) => [name, relus])).toEqual([
    ['original', 4704],
    ['alpha0.5', 2352],
    ['thinned', 2352],
    ['rho0.5', 1176],
    ['thinned_alpha0.5', 1176],
    ['alpha0.5_rho0.5', 588],
    ['thinned_rho0.5', 588],
    ['thinned_alpha0.5_rho0.5', 294],
  ]);
  for (const { file, relus } of networks.slice(1)) expect(countRelus(await loadModel(file!))).toBe(relus);
});

test('deepreshape says what it built', async () => {
  const out = join(folder, 'reshaped.onnx');
  const args = reduce('--method', 'deepreshape', '--budget', '800', '--pretrain-epochs', '1', '--out', out);
  const found = await cliJson<{ built: string; relus_before: number; log: { reason: string }[] }>(args);
  expect(found.built).toMatch(/^HRN-\d+x of \d+, \d+ channels for the criticality S\d > S\d: [\d,]+ ReLUs/);
  expect(countRelus(await loadModel(out))).toBe(800);
  expect(found.log.every(({ reason }) => /^HRN-\d+x: /.test(reason))).toBe(true);
});

test('deepreshape at several budgets trains its network once', async () => {
  const checkpoint = join(folder, 'reshaping');
  const args = reduce('--method', 'deepreshape', '--budget', '800,400', '--pretrain-epochs', '1');
  const out = ['--out', join(folder, 'reshaped'), '--checkpoint', checkpoint];
  const { networks } = await cliJson<Several>([...args, ...out]);
  expect(networks.map(({ relus }) => relus)).toEqual([4704, 800, 400]);
  const bases = (await readdir(join(checkpoint, 'bases'))).filter((name) => name.endsWith('.checkpoint'));
  expect(bases).toHaveLength(1);
  // The log of its training is with the budget that trained it.
  const logs = async (name: string) =>
    (await readdir(join(checkpoint, name))).filter((file) => /^training-HRN.*jsonl$/.test(file)).length;
  expect([await logs('deepreshape-800'), await logs('deepreshape-400')]).toEqual([1, 0]);
});

test('what does not go together is refused before any work', async () => {
  const file = join(folder, 'a-file');
  await writeFile(file, '');
  const out = ['--out', join(folder, 'x.onnx')];
  const refused: [string[], RegExp][] = [
    [['--method', 'deepreduce', ...out], /--budget: expected the ReLUs to keep/],
    [['--method', 'deepreduce', '--family', '--budget', '5', ...out], /--family takes the place of --budget/],
    [['--method', 'deepreduce', '--budget', '0.5,-1', ...out], /--budget.*[Ee]xpected/],
    [
      ['--method', 'deepreduce', '--budget', '0.5,0.1', '--out', file],
      /--out .*a-file: is a file; give a folder/,
    ],
    [['--method', 'deepreduce', '--budget', '9', '--stages', 'S1', ...out], /--stages: expected NAME=NODE/],
    [
      ['--method', 'deepreduce', '--budget', '9', '--stages', 'S1=nothing', ...out],
      /--stages: no activation is called nothing/,
    ],
    [
      ['--method', 'snl', '--budget', '0.5', '--alpha', '0.5', ...out],
      /option alpha: snl does not take it; deepreduce does/,
    ],
    [
      ['--method', 'deepreduce', '--budget', '0.5', '--pretrain-epochs', '2', ...out],
      /option pretrain-epochs: deepreduce does not take it; deepreshape does/,
    ],
    [
      ['--method', 'deepreduce', '--family', '--rho', '0.5', ...out],
      /--alpha and --rho do not go with --family/,
    ],
    [
      ['--method', 'deepreduce', '--family', '--mitigate', 'reweight', ...out],
      /--mitigate and --fair-select do not go with --family/,
    ],
  ];
  for (const [args, message] of refused) {
    const { code, stderr } = await cli(reduce(...args));
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  }
});
