import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { resnet } from '../../../../models/architectures/resnet.ts';
import { saveModel } from '../../../../models/files/write.ts';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { preparedModel } from '../../../../src/cli/options/prepared.ts';
import { messagesOf, partWords, preparedApart } from '../../../../src/cli/options/prepared-apart.ts';
import { ModelError, UsageError } from '../../../../src/shared/errors.ts';
import type { ProgressEvent } from '../../../../src/shared/progress.ts';
import { quiet } from '../../../helpers/processes/cli.ts';
import { folderWith } from '../../../helpers/data/image-files.ts';
import { npzOf } from '../../../helpers/data/npz.ts';
import { seededRng } from '../../../helpers/rng.ts';

let folder: string;
let model: string;
let data: string;
beforeAll(async () => {
  const [n, size] = [24, 3 * 8 * 8];
  const labels = Uint8Array.from({ length: n }, (_, i) => i % 3);
  const images = seededRng('apart').bytes(n * size);
  const set = { name: 'apart', classes: ['0', '1', '2'], shape: [3, 8, 8], images, labels, n };
  folder = await folderWith({ 'tiny.npz': npzOf(set, set) });
  data = `npz:${join(folder, 'tiny.npz')}`;
  model = join(folder, 'tiny.onnx');
  const options = { name: 'tiny', inChannels: 3, size: 8, classes: 3, widths: [4, 6], blocks: [1, 1] };
  await saveModel(model, resnet({ ...options, stemRelu: true }, seededRng('tiny')));
});

test('another process prepares the same plan and weights, and tells its progress and warnings', async () => {
  const told = { progress: [] as ProgressEvent[], warnings: [] as string[] };
  const apart = await preparedApart(
    { model, data, options: { weightBits: 9, answer: 'label' }, flags: { normalise: 'symmetric' } },
    { onProgress: (event) => told.progress.push(event), warn: (text) => told.warnings.push(text) },
  );
  const warnings: string[] = [];
  const says = { ...quiet, warn: (text: string) => void warnings.push(text) };
  const options = { weightBits: 9, answer: 'label' } as const;
  const here = await preparedModel(model, data, says, options, { normalise: 'symmetric' });
  expect(planHash(apart.plan)).toBe(planHash(here.plan));
  expect(apart.weights).toEqual(here.weights);
  expect(apart.calibration).toEqual(here.calibration);
  expect(told.warnings).toEqual(warnings);
  expect(told.progress.at(-1)).toMatchObject({ phase: 'calibration', done: 24, total: 24 });
});

test.each([
  ['a missing model', () => ({ model: join(folder, 'no.onnx'), data }), ModelError],
  [
    'flags that do not fit',
    () => ({ model, data, flags: { normalise: 'unit', mean: [1] } as const }),
    UsageError,
  ],
])('%s keeps the class of its error', async (_, what, type) => {
  await expect(preparedApart(what(), quiet)).rejects.toThrow(type);
});

test('arrays travel in parts that make them whole again', () => {
  const weights = Int32Array.from({ length: 2 * partWords + 3 }, (_, i) => i);
  const bias = Int32Array.of(7, 8);
  const prepared = { plan: undefined as never, calibration: { images: 1, warnings: [] } };
  const [first, ...parts] = messagesOf(
    { ...prepared, weights: new Map([[4, { weights, bias }]]) },
    new Uint8Array(),
  );
  expect(first).toMatchObject({ lengths: [{ step: 4, weights: weights.length, bias: 2 }] });
  const whole = { weights: new Int32Array(weights.length), bias: new Int32Array(2) };
  for (const part of parts) {
    if (part.kind !== 'part') throw new Error('expected parts alone');
    expect(part.words.length).toBeLessThanOrEqual(partWords);
    whole[part.array].set(part.words, part.at);
  }
  expect(parts).toHaveLength(4);
  expect(whole).toEqual({ weights, bias });
});
