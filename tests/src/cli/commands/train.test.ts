import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeIdx } from '../../../../models/data/images/idx.ts';
import { tryDevice } from '../../../../models/runtime/device.ts';
import {
  cli,
  cliJson,
  finished,
  startCli,
  stoppingAfter,
  untilStopped,
} from '../../../helpers/processes/cli.ts';
import { bars } from '../../../helpers/data/data.ts';

let folder: string;
let train: readonly string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'reluctant-train-'));
  const { images, labels, n } = bars(60, 1);
  await writeFile(join(folder, 'images'), encodeIdx({ shape: [n, 8, 8], data: Uint8Array.from(images) }));
  await writeFile(join(folder, 'labels'), encodeIdx({ shape: [n], data: Uint8Array.from(labels) }));
  const data = `idx:${join(folder, 'images')},${join(folder, 'labels')}`;
  train = ['train', '--arch', 'resnet8', '--data', data, '--batch', '10', '--seed', '7'];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const at = (name: string): string => join(folder, name);

async function linesOf(file: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(file, 'utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('kill -9, then the same command again: the same file as without the kill, each epoch in the log once', async () => {
  const args = [...train, '--epochs', '6', '--mixup', '0.2'];
  const keeping = [
    ...args,
    '--out',
    at('killed.onnx'),
    '--checkpoint',
    at('kept'),
    '--log',
    at('killed.jsonl'),
  ];
  const child = startCli(keeping, { nodeOptions: stoppingAfter(/^epoch 2/m) });
  const result = finished(child);
  await untilStopped(child.pid!); // the first epoch is kept
  child.kill('SIGKILL');
  expect((await result).code).toBeNull();
  expect(existsSync(at('killed.onnx'))).toBe(false);
  const kept = await linesOf(at('killed.jsonl'));
  expect(kept.length - 1).toBeGreaterThanOrEqual(1);
  expect(kept.length - 1).toBeLessThan(6);

  const resumed = await cliJson<{ seed: number; device: string }>(keeping);
  expect(resumed).toMatchObject({ seed: 7, device: 'cpu' });
  expect((await cli([...args, '--out', at('straight.onnx')])).code).toBe(0);
  expect((await readFile(at('killed.onnx'))).equals(await readFile(at('straight.onnx')))).toBe(true);
  const [start, ...epochs] = await linesOf(at('killed.jsonl'));
  expect(start).toMatchObject({ event: 'start', seed: 7, mixup: 0.2, arch: 'resnet8', device: 'cpu' });
  expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(epochs[0]).toEqual(kept[1]); // its seconds too: it was not run again
});

const cuda = await tryDevice('cuda');
test.skipIf('milliseconds' in cuda)(
  'a device that is absent is refused with what it needs, before any work',
  async () => {
    const { code, stdout, stderr } = await cli([...train, '--device', 'cuda', '--out', at('cuda.onnx')]);
    expect(stderr).toMatch(
      /^reluctant: --device cuda: it does not work here: .*npm rebuild onnxruntime-node[^\n]*\n$/,
    );
    expect([code, stdout]).toEqual([2, '']);
  },
);

test('AdamW has a learning rate of its own; what a step does is in the log and the JSON', async () => {
  const log = at('adamw.jsonl');
  const args = [...train, '--epochs', '1', '--optimizer', 'adamw', '--weight-decay', '0'];
  const found = await cliJson([...args, '--out', at('adamw.onnx'), '--log', log]);
  expect(found).toMatchObject({ optimizer: 'adamw', learning_rate: 0.001, weight_decay: 0 });
  const [start, epoch] = await linesOf(log);
  expect(start).toMatchObject({ optimizer: 'adamw', learningRate: 0.001, weightDecay: 0 });
  expect(epoch!['learningRate']).toBeLessThanOrEqual(0.001);
});

test('what trains is said', async () => {
  const { stdout } = await cli([...train, '--epochs', '1', '--device', 'cpu', '--out', at('said.onnx')]);
  expect(stdout).toMatch(/^training with onnxruntime on cpu\n/);
});

test('the tfjs engine says its backend, in the log and the JSON too', async () => {
  const log = at('tfjs.jsonl');
  const args = [...train, '--epochs', '1', '--engine', 'tfjs', '--out', at('tfjs.onnx'), '--log', log];
  const found = await cliJson<{ engine: string; runs_on: string }>(args);
  expect(found.engine).toBe('tfjs');
  expect(found.runs_on).toMatch(/^tfjs on (tensorflow with(out)? a GPU|wasm; not tensorflow: )/);
  expect((await linesOf(log))[0]).toMatchObject({ event: 'start', engine: 'tfjs', runsOn: found.runs_on });
});

test.each([
  [['--mixup', '2'], /--mixup.*above zero and up to one/],
  [['--patience', '0'], /--patience.*whole number/],
  [['--device', 'tpu'], /cpu, webgpu, cuda, auto/],
  [['--engine', 'torch'], /onnxruntime, tfjs/],
  [['--schedule', 'wave'], /cosine, step, constant/],
  [['--optimizer', 'adam'], /sgd, adamw/],
  [['--weight-decay', '1.5'], /--weight-decay.*from zero to one/],
])('%o is a wrong command line', async (options, reason) => {
  const { code, stderr } = await cli([...train, '--out', at('x.onnx'), ...options]);
  expect(stderr).toMatch(reason);
  expect(code).toBe(2);
});

test('--final-on-all: all images, no validation accuracy; evaluate warns of images that were trained on', async () => {
  const out = at('all.onnx');
  const found = await cliJson<{ best: object; history: { validation_accuracy: null }[] }>([
    ...[...train, '--epochs', '2', '--out', out, '--log', at('all.jsonl'), '--final-on-all'],
  ]);
  expect(found.best).toEqual({ epoch: 2, validation_accuracy: null });
  const [, first] = await linesOf(at('all.jsonl'));
  expect(first!['validation_accuracy'] ?? first!['validationAccuracy']).toBeNull();
  const seen = await cli(['evaluate', out, '--data', train[4]!]);
  expect(seen.stderr).toMatch(/all\.onnx: the network was trained on these images \(train with idx images\)/);
  expect((await readFile(out, 'latin1')).includes(folder)).toBe(false);
  const both = await cli([...train, '--out', out, '--final-on-all', '--patience', '2']);
  expect([both.code, both.stderr]).toEqual([2, expect.stringMatching(/all images .*patience could watch/)]);
});
