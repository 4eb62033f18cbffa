import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../../models/train/checkpoint.ts';
import type { Standing } from '../../../models/train/checkpoint.ts';
import { fit } from '../../../models/train/fit.ts';
import type { FitOptions } from '../../../models/train/fit.ts';
import { DataError, UsageError } from '../../../src/shared/errors.ts';
import { bars } from '../../helpers/data/data.ts';
import { barResnet } from '../../helpers/networks/networks.ts';

const options: FitOptions = {
  train: bars(48, 1),
  validation: bars(30, 2),
  epochs: 4,
  batch: 16,
  learningRate: 0.1,
  seed: 1,
  threads: 1,
};

let path: string;
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'checkpoint-')), 'run');
});

const entry = {
  epoch: 1,
  loss: 0.5,
  trainAccuracy: 0.5,
  validationAccuracy: 0.25,
  learningRate: 0.1,
  seconds: 1,
  imagesPerSecond: 48,
};
const standing: Standing = {
  history: [entry],
  best: { epoch: 1, validationAccuracy: 0.25, state: { parameters: Float32Array.of(1, -0, 1e-40) } },
  state: {
    parameters: Float32Array.of(2, 3, Infinity),
    statistics: new Float32Array(0),
    state0: Float32Array.of(7),
  },
  controller: { multipliers: [0.5, null], name: 'm' },
  stopped: true,
};

test('what is saved is read back bit by bit', async () => {
  await saveCheckpoint(path, 'mine', standing);
  expect(await loadCheckpoint(path, 'mine')).toEqual(standing);
});

test('no file is no checkpoint', async () => {
  expect(await loadCheckpoint(path, 'mine')).toBeUndefined();
});

test('a checkpoint of another run is a UsageError, a damaged one a DataError', async () => {
  await saveCheckpoint(path, 'mine', standing);
  await expect(loadCheckpoint(path, 'other')).rejects.toThrow(UsageError);
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, bytes.length - 1));
  await expect(loadCheckpoint(path, 'mine')).rejects.toThrow(/expected 28 bytes of weights, got 27/);
  for (const text of ['', 'no newline', '{"format": 1}\n', '{"format"\n']) {
    await writeFile(path, text);
    await expect(loadCheckpoint(path, 'mine')).rejects.toThrow(DataError);
  }
});

test('a training that is stopped and goes on gives the numbers of one that was not', async () => {
  const whole = await fit(barResnet(), options);
  const stop = new Error('stopped');
  const stopping = fit(barResnet(), {
    ...options,
    checkpoint: path,
    log: ({ epoch }) => {
      if (epoch === 3) throw stop; // epochs 1 and 2 are in the file
    },
  });
  await expect(stopping).rejects.toBe(stop);
  const seen: number[] = [];
  const resumed = await fit(barResnet(), {
    ...options,
    checkpoint: path,
    log: ({ epoch }) => void seen.push(epoch),
  });
  expect(seen).toEqual([3, 4]);
  expect(resumed.history.map(({ loss }) => loss)).toEqual(whole.history.map(({ loss }) => loss));
  expect(resumed.best).toEqual(whole.best);
  for (const [name, { data }] of whole.model.weights)
    expect(resumed.model.weights.get(name)!.data).toEqual(data);
});

test('a finished training is not run again; other options, data or weights refuse the file', async () => {
  const first = await fit(barResnet(), { ...options, epochs: 1, checkpoint: path });
  const again = await fit(barResnet(), {
    ...options,
    epochs: 1,
    checkpoint: path,
    log: () => expect.unreachable(),
  });
  expect(again.history).toEqual(first.history);
  const changed: [Parameters<typeof fit>[0], Partial<FitOptions>][] = [
    [barResnet(), { seed: 2 }],
    [barResnet(), { weightDecay: 0 }],
    [barResnet(), { train: bars(51, 1) }],
    [barResnet(2), {}],
  ];
  for (const [model, change] of changed)
    await expect(fit(model, { ...options, epochs: 1, ...change, checkpoint: path })).rejects.toThrow(
      UsageError,
    );
});
