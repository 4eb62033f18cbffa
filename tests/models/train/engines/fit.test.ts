import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fit } from '../../../../models/train/fit.ts';
import type { FitOptions } from '../../../../models/train/fit.ts';
import { UsageError } from '../../../../src/shared/errors.ts';
import { bars } from '../../../helpers/data/data.ts';
import { barResnet } from '../../../helpers/networks/networks.ts';

const options: FitOptions = {
  train: bars(96, 1),
  validation: bars(60, 2),
  epochs: 4,
  batch: 16,
  learningRate: 0.1,
  seed: 1,
  threads: 1,
  engine: 'tfjs',
};

test('a training goes on from a checkpoint to the same weights, and not with another engine', async () => {
  const checkpoint = join(await mkdtemp(join(tmpdir(), 'engine-')), 'run');
  const said: string[] = [];
  const onStart = (runsOn: string) => void said.push(runsOn);
  const straight = await fit(barResnet(), { ...options, onStart });
  const stop = new Error('stopped');
  const log = ({ epoch }: { epoch: number }) => {
    if (epoch === 3) throw stop; // epoch 2 is the last one kept
  };
  await expect(fit(barResnet(), { ...options, checkpoint, log })).rejects.toThrow(stop);
  await expect(fit(barResnet(), { ...options, checkpoint, engine: 'onnxruntime' })).rejects.toThrow(
    UsageError,
  );
  const resumed = await fit(barResnet(), { ...options, checkpoint });
  expect(resumed.model.weights).toEqual(straight.model.weights);
  expect(straight.history.at(-1)!.loss).toBeLessThan(straight.history[0]!.loss);
  expect(said).toEqual([expect.stringMatching(/^tfjs on /)]);
});

test('mixup, a teacher and smoothed labels give the losses of the other engine', async () => {
  const more = {
    ...options,
    epochs: 1,
    mixup: 0.4,
    teacher: barResnet(5),
    labelSmoothing: 0.1,
    learningRate: 0.05,
  };
  const [tfjs, onnxruntime] = [
    await fit(barResnet(), more),
    await fit(barResnet(), { ...more, engine: 'onnxruntime' }),
  ];
  expect(tfjs.history[0]!.loss).toBeCloseTo(onnxruntime.history[0]!.loss, 5);
  const other = await fit(barResnet(), { ...more, labelSmoothing: 0.101 });
  expect(other.history[0]!.loss).not.toBeCloseTo(onnxruntime.history[0]!.loss, 5);
});
