import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tryDevice } from '../../../../../models/runtime/device.ts';
import { cli, cliJson } from '../../../../helpers/processes/cli.ts';
import { writeSmallData } from '../../../../helpers/data/data.ts';
import { writeTiny } from '../../../../helpers/networks/networks.ts';

let folder: string;
let model: string;
let data: string;
let reduce: readonly string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-engine-'));
  [model, data] = [await writeTiny(folder), await writeSmallData(folder, 240)];
  reduce = ['reduce', model, '--method', 'deepreduce', '--budget', '0.5', '--data', data, '--epochs', '1'];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Found = { readonly runs_on: string; readonly history: readonly { readonly loss: number }[] };

test('a reduction is fine-tuned by either engine, to the same loss, and says by which', async () => {
  const [onnxruntime, tfjs] = [
    await cliJson<Found>([...reduce, '--out', join(folder, 'a.onnx')]),
    await cliJson<Found>([...reduce, '--engine', 'tfjs', '--out', join(folder, 'b.onnx')]),
  ];
  expect(onnxruntime.runs_on).toBe('onnxruntime on cpu');
  expect(tfjs.runs_on).toMatch(/^tfjs on \w+/);
  expect(tfjs.history[0]!.loss).toBeCloseTo(onnxruntime.history[0]!.loss, 4);
});

const cuda = await tryDevice('cuda');
test.skipIf('milliseconds' in cuda)('a device that is absent is refused before any work', async () => {
  const { code, stdout, stderr } = await cli([
    ...reduce,
    '--device',
    'cuda',
    '--out',
    join(folder, 'c.onnx'),
  ]);
  expect(stderr).toMatch(/^reluctant: --device cuda: it does not work here: /);
  expect([code, stdout]).toEqual([2, '']);
});
