import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { logFile } from '../../../models/train/log-file.ts';

const entry = (epoch: number) => ({
  epoch,
  loss: 1 / epoch,
  trainAccuracy: 0.5,
  validationAccuracy: 0.25,
  learningRate: 0.1,
  seconds: 1,
  imagesPerSecond: 48,
});

test('a line with what was told, then each epoch once, however often it is written', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'log-')), 'deep', 'run.jsonl');
  const keep = logFile(path, { seed: 7, data: 'bars' });
  await keep([entry(1)]);
  await keep([entry(1), entry(2)]);
  await logFile(path, { seed: 7, data: 'bars' })([entry(1), entry(2), entry(3)]);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  const [start, ...epochs] = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(start).toMatchObject({ event: 'start', seed: 7, data: 'bars', node: process.version });
  expect(start!['onnxruntime']).toMatch(/^\d+\.\d+/);
  expect(epochs).toEqual([1, 2, 3].map((epoch) => ({ event: 'epoch', ...entry(epoch) })));
});
