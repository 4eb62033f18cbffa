import { expect, test } from 'vitest';
import type { Controller } from '../../../models/train/controller.ts';
import { DivergedError } from '../../../models/train/fit.ts';
import { finetune } from '../../../pipelines/reduce/finetune.ts';
import { atLowerRates } from '../../../pipelines/reduce/lower-rates.ts';
import type { Try } from '../../../pipelines/reduce/lower-rates.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { tinyDataset } from '../../helpers/data/data.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';

const part = { phase: 'fine-tuning' } as const;

/** A training that works at this rate and below, and a controller that counts. */
function training(works: number) {
  const tries: Try[] = [];
  const notes: string[] = [];
  let count = 5;
  const seen: number[] = [];
  const controller: Controller = { state: () => count, restore: (state) => (count = state as number) };
  const train = (one: Try) => {
    tries.push(one);
    seen.push(count);
    count += 10;
    return one.learningRate <= works
      ? Promise.resolve('trained')
      : Promise.reject(new DivergedError('diverged'));
  };
  const run = () => atLowerRates(part, 0.16, train, { controller, onNote: (note) => notes.push(note) });
  return { run, tries, notes, seen };
}

test('a training that does not diverge is run once', async () => {
  const { run, tries, notes } = training(1);
  expect(await run()).toBe('trained');
  expect(tries).toEqual([{ learningRate: 0.16, attempt: 0 }]);
  expect(notes).toEqual([]);
});

test('one that diverges starts again at a quarter of the rate, with its controller as at first, and says so', async () => {
  const { run, tries, notes, seen } = training(0.01);
  expect(await run()).toBe('trained');
  expect(tries.map(({ learningRate }) => learningRate)).toEqual([0.16, 0.04, 0.01]);
  expect(seen).toEqual([5, 5, 5]);
  expect(notes).toEqual([
    'fine-tuning diverged at a learning rate of 0.16: it starts again at 0.04',
    'fine-tuning diverged at a learning rate of 0.04: it starts again at 0.01',
  ]);
});

test('one that always diverges ends with options that reduce has; other errors pass', async () => {
  await expect(training(0).run()).rejects.toThrow(
    /fine-tuning: the training diverged at learning rates of 0\.16, 0\.04, 0\.01\..*--replace affine.*--budget/,
  );
  await expect(training(0).run()).rejects.not.toThrow(DivergedError);
  const other = atLowerRates(part, 1, () => Promise.reject(new UsageError('other')), {});
  await expect(other).rejects.toThrow('other');
});

test('a real training: too high a rate is lowered', async () => {
  const [train, validation] = [tinyDataset(96, 'train'), tinyDataset(48, 'validation')];
  const notes: string[] = [];
  const model = tinyResnet();
  const options = { train, validation, epochs: 1, seed: 1, threads: 1, budget: 0.5, learningRate: 1e19 };
  const found = finetune(model, model, part, { ...options, onNote: (note) => notes.push(note) });
  await expect(found).rejects.toThrow(
    /diverged at learning rates of 10000000000000000000, .*--replace affine/,
  );
  expect(notes).toHaveLength(2);
});
