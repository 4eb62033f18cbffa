import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { subset } from '../../../models/data/dataset.ts';
import type { Model } from '../../../models/graph.ts';
import { evaluate } from '../../../models/train/evaluate.ts';
import { tensor } from '../../../models/tensor.ts';
import type { Controller } from '../../../models/train/controller.ts';
import { TrainingEngine } from '../../../models/train/engines/onnxruntime/engine.ts';
import { fit } from '../../../models/train/fit.ts';
import type { EpochEntry, FitOptions } from '../../../models/train/fit.ts';
import { adamW } from '../../../models/train/optimizers.ts';
import type { Penalty } from '../../../models/train/penalty.ts';
import { trainArchitecture } from '../../../models/train/train-architecture.ts';
import { DataError, UsageError } from '../../../src/shared/errors.ts';
import type { ProgressEvent } from '../../../src/shared/progress.ts';
import { bars } from '../../helpers/data/data.ts';
import { barResnet } from '../../helpers/networks/networks.ts';

const options: FitOptions = {
  train: bars(96, 1),
  validation: bars(60, 2),
  epochs: 15,
  batch: 16,
  learningRate: 0.1,
  augment: false,
  seed: 1,
  threads: 1,
};

const sameWeights = (a: Model, b: Model): boolean =>
  [...a.weights].every(([name, { data }]) => data.every((v, i) => v === b.weights.get(name)!.data[i]));

test('a small network learns: loss falls, and images it has not seen are told apart', async () => {
  const { model, history, best } = await fit(barResnet(), options);
  expect(history).toHaveLength(15);
  expect(history.at(-1)!.loss).toBeLessThan(0.1 * history[0]!.loss);
  expect(history.at(-1)!.trainAccuracy).toBeGreaterThan(0.98);
  expect(best.validationAccuracy).toBeGreaterThan(0.9);
  // What is returned is the best epoch's network.
  expect((await evaluate(model, options.validation)).accuracy).toBe(best.validationAccuracy);
  expect(best.validationAccuracy).toBe(Math.max(...history.map((entry) => entry.validationAccuracy)));
  expect(history[best.epoch - 1]!.validationAccuracy).toBe(best.validationAccuracy);
});

test('AdamW learns too', async () => {
  const optimizer = adamW({ weightDecay: 1e-2 });
  const { history } = await fit(barResnet(), { ...options, optimizer, learningRate: 0.01 });
  expect(history.at(-1)!.loss).toBeLessThan(0.1 * history[0]!.loss);
});

test('the same seed gives the same numbers, another seed others', async () => {
  const short = { ...options, epochs: 2, augment: true };
  const first = await fit(barResnet(), short);
  const again = await fit(barResnet(), short);
  const other = await fit(barResnet(), { ...short, seed: 2 });
  expect(sameWeights(first.model, again.model)).toBe(true);
  expect(first.history.map(({ loss }) => loss)).toEqual(again.history.map(({ loss }) => loss));
  expect(sameWeights(first.model, other.model)).toBe(false);
});

test('a teacher changes what is learnt', async () => {
  const teacher = (await fit(barResnet(5), { ...options, epochs: 4 })).model;
  const alone = await fit(barResnet(), { ...options, epochs: 1 });
  const taught = await fit(barResnet(), { ...options, epochs: 1, teacher });
  const strict = await fit(barResnet(), {
    ...options,
    epochs: 1,
    teacher,
    distill: { temperature: 4, weight: 0 },
  });
  expect(sameWeights(alone.model, taught.model)).toBe(false);
  expect(strict.history[0]!.loss).toBeCloseTo(alone.history[0]!.loss, 4);
});

test('mixed images are learnt from, with numbers of their own that the seed gives', async () => {
  const plain = await fit(barResnet(), { ...options, epochs: 2 });
  const mixed = await fit(barResnet(), { ...options, epochs: 2, mixup: 0.4 });
  const again = await fit(barResnet(), { ...options, epochs: 2, mixup: 0.4 });
  expect(sameWeights(mixed.model, again.model)).toBe(true);
  expect(sameWeights(mixed.model, plain.model)).toBe(false);
  const { best } = await fit(barResnet(), { ...options, epochs: 30, mixup: 0.4 });
  expect(best.validationAccuracy).toBeGreaterThan(0.9);
});

test('patience ends a training that gets no better, also one that goes on from a checkpoint', async () => {
  const checkpoint = join(await mkdtemp(join(tmpdir(), 'patience-')), 'run');
  const patient = { ...options, epochs: 60, patience: 3, checkpoint };
  const first = await fit(barResnet(), patient);
  expect(first.history).toHaveLength(first.best.epoch + 3);
  expect(first.history.length).toBeLessThan(60);
  const again = await fit(barResnet(), { ...patient, log: () => expect.unreachable() });
  expect(again.history).toEqual(first.history);
});

test('the step schedule keeps the peak, then a tenth and a hundredth', async () => {
  const { history } = await fit(barResnet(), { ...options, epochs: 8, schedule: 'step' });
  const rates = history.map(({ learningRate }) => learningRate);
  expect(rates.slice(1, 4)).toEqual([0.1, 0.1, 0.1]);
  expect(rates[5]).toBeCloseTo(0.01, 12);
  expect(rates[7]).toBeCloseTo(0.001, 12);
});

test('where the teacher does not start, the training is released', async () => {
  const release = vi.spyOn(TrainingEngine.prototype, 'release');
  try {
    const teacher = barResnet(5);
    const weights = new Map([...teacher.weights].slice(1));
    await expect(fit(barResnet(), { ...options, teacher: { ...teacher, weights } })).rejects.toThrow();
    expect(release).toHaveBeenCalledTimes(1);
  } finally {
    release.mockRestore();
  }
});

test('progress and log see every epoch', async () => {
  const logged: EpochEntry[] = [];
  const told: ProgressEvent[] = [];
  await fit(barResnet(), {
    ...options,
    epochs: 2,
    onProgress: (event) => void told.push(event),
    log: (entry) => void logged.push(entry),
  });
  expect(logged.map(({ epoch }) => epoch)).toEqual([1, 2]);
  const steps = told.length / 2;
  expect(told.map(({ done, total }) => [done, total])).toEqual(told.map((_, i) => [i + 1, 2 * steps]));
  expect(told[steps]).toMatchObject({ phase: 'training', training: { epoch: 2, epochs: 2, step: 1, steps } });
  expect(told.at(-1)!.training!.loss).toBeCloseTo(logged[1]!.loss, 10);
  expect(logged[0]!.imagesPerSecond).toBeGreaterThan(0);
});

test('a learning rate that makes it diverge is a UsageError that says so', async () => {
  await expect(fit(barResnet(), { ...options, learningRate: 1e30 })).rejects.toThrow(UsageError);
  await expect(fit(barResnet(), { ...options, learningRate: 1e30 })).rejects.toThrow(
    /diverged.*learning rate/,
  );
});

test.each([
  [{ epochs: 0 }, /epochs: expected a positive whole number, got 0/],
  [{ batch: 97 }, /batch: expected 1 to the 96 training images, got 97/],
  [{ mixup: 1.5 }, /mixup: expected a number above 0 and up to 1, got 1.5/],
  [{ patience: 0 }, /patience: expected a positive whole number, got 0/],
  [{ learningRate: -1 }, /learning rate: expected a positive number, got -1/],
])('%o is a UsageError', async (change, reason) => {
  await expect(fit(barResnet(), { ...options, ...change })).rejects.toThrow(UsageError);
  await expect(fit(barResnet(), { ...options, ...change })).rejects.toThrow(reason);
});

test('data of another shape or with more classes is a DataError', async () => {
  const train = { ...options.train, shape: [1, 4, 16] };
  await expect(fit(barResnet(), { ...options, train })).rejects.toThrow(
    /\[1, 4, 16\], but tiny takes \[1, 8, 8\]; forms with @SIZE resize them: @1x8x8/,
  );
  const classes = ['a', 'b', 'c', 'd'];
  await expect(fit(barResnet(), { ...options, train: { ...options.train, classes } })).rejects.toThrow(
    DataError,
  );
});

test('an empty validation set is a DataError', async () => {
  const validation = subset(options.validation, []);
  await expect(fit(barResnet(), { ...options, validation })).rejects.toThrow(DataError);
  await expect(fit(barResnet(), { ...options, validation })).rejects.toThrow(
    /bars: it has no images to choose/,
  );
});

test('evaluate counts by class', async () => {
  const { model } = await fit(barResnet(), { ...options, epochs: 3 });
  const seen: number[] = [];
  const all = await evaluate(model, options.validation, { onProgress: ({ done }) => void seen.push(done) });
  expect(all.n).toBe(60);
  expect(all.per_class.map(({ class: name, n }) => [name, n])).toEqual([
    ['standing', 20],
    ['lying', 20],
    ['none', 20],
  ]);
  const mean = all.per_class.reduce((sum, { accuracy, n }) => sum + accuracy * n, 0) / 60;
  expect(mean).toBeCloseTo(all.accuracy, 12);
  expect(seen.at(-1)).toBe(60);
  expect((await evaluate(model, options.validation, { limit: 7 })).n).toBe(7);
});

test('an unknown architecture is a UsageError that lists the known ones', async () => {
  const train = trainArchitecture({ arch: 'toString', data: 'fashion-mnist-part' });
  await expect(train).rejects.toThrow(/'toString' is not known; there are resnet8/);
  await expect(train).rejects.toThrow(UsageError);
});

/** Counts steps, weights images of class 0 alone, and ends the training after `last` epochs. */
function counting(last: number, seen: number[] = []): Controller {
  let steps = 0;
  return {
    scalars: () => ({ pull: steps / 10 }),
    sampleWeights: (rows) =>
      Float32Array.from(rows, (row) => (options.train.labels[row] === 0 ? 1 / rows.length : 0)),
    afterStep(rows, { losses }) {
      expect(losses).toHaveLength(rows.length);
      steps++;
      seen.push(steps);
    },
    afterEpoch: ({ epoch }) => (epoch === last ? 'stop' : 'go on'),
    state: () => ({ steps }),
    restore: (state) => void ({ steps } = state as { steps: number }),
  };
}

const pull: Penalty = {
  name: 'pull',
  build(graph, { valueOf, scalarOf }) {
    const weight = valueOf('head.fc.weight');
    const scaled = graph.op('Mul', [weight, scalarOf('pull')]);
    return {
      value: graph.sum(graph.op('Mul', [weight, scaled]), [0, 1], false),
      gradients: new Map([['head.fc.weight', scaled]]),
    };
  },
};

test('a controller weights images, and ends the training', async () => {
  const controller = counting(2);
  const { model, history } = await fit(barResnet(), { ...options, controller, penalties: [pull] });
  expect(history).toHaveLength(2);
  expect(controller.state()).toEqual({ steps: 12 });
  const { per_class } = await evaluate(model, options.validation);
  expect(per_class[0]!.accuracy).toBe(1); // the only class it ever saw
});

test('what a controller remembers is part of the checkpoint: a cut training goes on with the same numbers', async () => {
  const checkpoint = join(await mkdtemp(join(tmpdir(), 'controlled-')), 'run');
  const run = (last: number, more: Partial<FitOptions> = {}, seen: number[] = []) =>
    fit(barResnet(), {
      ...options,
      controller: counting(last, seen),
      penalties: [pull],
      keep: 'last',
      ...more,
    });
  const whole = await run(3);
  const cut = run(3, {
    checkpoint,
    log: ({ epoch }) => {
      if (epoch === 2) throw new Error('cut');
    },
  });
  await expect(cut).rejects.toThrow('cut'); // in epoch 2, before its checkpoint is written
  const seen: number[] = [];
  const resumed = await run(3, { checkpoint }, seen);
  expect(seen[0]).toBe(7); // epoch 1 had 6 steps
  expect(sameWeights(resumed.model, whole.model)).toBe(true);
  const over = await run(3, { checkpoint, log: () => expect.unreachable() });
  expect(over.history).toHaveLength(3);
});

test('a controller may set weights between steps; the network is copied only for steps that do', async () => {
  const bias = tensor([3], Float32Array.of(5, -5, 0));
  const before: number[] = [];
  let step = 0;
  const controller: Controller = {
    rewrite: () => {
      if (++step % 3 !== 0) return undefined;
      return ({ weights }) => {
        before.push(weights.get('head.fc.bias')!.data[0]!);
        return new Map([['head.fc.bias', bias]]);
      };
    },
    state: () => null,
    restore: () => undefined,
  };
  const copies = vi.spyOn(TrainingEngine.prototype, 'download');
  const { model } = await fit(barResnet(), { ...options, epochs: 1, keep: 'last', controller });
  expect(model.weights.get('head.fc.bias')).toEqual(bias);
  expect([step, before.length]).toEqual([6, 2]);
  expect(before[1]).not.toBe(before[0]);
  expect(copies).toHaveBeenCalledTimes(3); // twice for the controller, once after the epoch
  copies.mockRestore();
});

test("'last' keeps the last epoch's network", async () => {
  const short = { ...options, epochs: 6, learningRate: 0.3 };
  const models: Model[] = [];
  const { model } = await fit(barResnet(), { ...short, keep: 'last', log: (_, m) => void models.push(m) });
  expect(sameWeights(model, models.at(-1)!)).toBe(true);
});
