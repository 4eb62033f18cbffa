import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { inspect, stagesOf } from '../../../../models/analysis/inspect.ts';
import { loadModel } from '../../../../models/files/read.ts';
import { cli, cliJson } from '../../../helpers/processes/cli.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-design-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Design = {
  order: string[];
  networks: {
    name: string;
    multipliers: number[];
    relus: number;
    macs: number;
    params: number;
    stem_relus: number;
  }[];
  written?: string;
};

test("design prints the paper's networks with their counts", async () => {
  const { networks } = await cliJson<Design>([
    ...[
      'design',
      '--stages',
      '4',
      '--base-width',
      '16',
      '--order',
      'S3,S2,S4,S1',
      '--size',
      '32',
      '--classes',
      '100',
    ],
  ]);
  expect(networks.map(({ name, relus }) => [name, relus])).toEqual([
    ['HRN-5x5x3x', 343_040],
    ['HRN-5x7x2x', 378_880],
    ['HRN-6x6x2x', 401_408],
    ['HRN-7x5x2x', 411_648],
  ]);
  const low = await cliJson<Design>(['design', '--order', 'S3,S2,S4,S1', '--alpha', '2']);
  expect(low.networks.map(({ name }) => name).sort()).toEqual([
    'HRN-2x5x2x',
    'HRN-2x5x3x',
    'HRN-2x6x2x',
    'HRN-2x7x2x',
  ]);
});

test('the network that it writes has the counts that it prints, and stages in the order asked for', async () => {
  const out = join(folder, 'net.onnx');
  const sizes = [
    '--stages',
    '3',
    '--blocks',
    '1,2,1',
    '--base-width',
    '2',
    '--size',
    '28',
    '--channels',
    '1',
  ];
  const { networks, written } = await cliJson<Design>([
    ...['design', ...sizes, '--classes', '10', '--order', 'S2,S3,S1', '--out', out],
  ]);
  expect(written).toBe(networks[0]!.name);
  const model = await loadModel(out);
  const { relus, macs, params } = inspect(model);
  expect([relus, macs, params]).toEqual([networks[0]!.relus, networks[0]!.macs, networks[0]!.params]);
  const [s1, s2, s3] = stagesOf(model).map((stage) => stage.relus);
  expect(s2!).toBeGreaterThan(s3!);
  expect(s3!).toBeGreaterThan(s1! - networks[0]!.stem_relus);
});

test.each([
  [['--order', 'S1,S2'], /order: expected each of the stages S1 to S4 once, got S1,S2/],
  [['--order', 'first'], /--order.*Expected stages, the most critical first/],
  [['--order', 'S1,S2', '--stages', '2', '--blocks', '1,4'], /--order S1,S2: no multipliers of 2 and more/],
  [['--order', 'S1,S2', '--stages', '2', '--blocks', '1'], /--blocks: expected 2 numbers/],
  [
    ['--order', 'S3,S2,S4,S1', '--multipliers', '9,9,9'],
    /--multipliers 9,9,9: no network has them; there are 5,5,3 5,7,2/,
  ],
])('%j is refused', async (options, message) => {
  const { code, stderr } = await cli(['design', ...options]);
  expect(stderr).toMatch(message);
  expect(code).toBe(2);
});
