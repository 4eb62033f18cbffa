import { expect, test } from 'vitest';
import { writeModel } from '../../../models/files/write.ts';
import { withClasses } from '../../../models/data/match-classes.ts';
import { splitValidation } from '../../../models/data/splits.ts';
import { trainingDefaults } from '../../../models/train/train-architecture.ts';
import { methods } from '../../../pipelines/reduce/methods.ts';
import { reduce, reduceDefaults } from '../../../pipelines/reduce/reduce.ts';
import type { ReduceOptions } from '../../../pipelines/reduce/reduce.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { tinyDataset } from '../../helpers/data.ts';
import { tinyResnet } from '../../helpers/networks.ts';

const data = tinyDataset(192, 'train');
const told = { method: 'deepreduce', budget: '0.5', data, threads: 1 } as const;

test('holds a twelfth of the images out, with the seed of the command line', async () => {
  const model = tinyResnet();
  const { model: found, history, multipliers } = await reduce(model, { ...told, epochs: 1 });
  const { seed } = reduceDefaults;
  const split = splitValidation(data, trainingDefaults.validationFraction, seed);
  const again = await methods.deepreduce.reduce(withClasses(model, data.classes), {
    ...split,
    budget: 0.5,
    epochs: 1,
    seed,
    threads: 1,
  });
  expect(writeModel(found)).toEqual(writeModel(again.model));
  expect(found.graph.classes).toEqual(data.classes);
  expect(history).toHaveLength(1);
  expect(multipliers).toEqual([]);
});

test('epochs and seed are those of the command line where nothing else is said', async () => {
  const made = async (options: Partial<ReduceOptions>) =>
    writeModel((await reduce(tinyResnet(), { ...told, ...options })).model);
  const plain = await made({});
  expect(plain).toEqual(await made({ epochs: 4, seed: 1 }));
  expect(plain).not.toEqual(await made({ seed: 2 }));
});

test.each<[string, object, RegExp]>([
  ['an unknown method', { method: 'magic' }, /method 'magic' is not known; there are deepreduce, snl/],
  ['a method that every object has', { method: 'toString' }, /method 'toString' is not known/],
  ['a budget without form', { budget: 'half' }, /budget: .* got 'half'/],
  ['unknown groups', { groups: 'race', mitigate: { scheme: 'reweight' } }, /race/],
])('%s is a UsageError', async (_title, wrong, reason) => {
  const found = reduce(tinyResnet(), { ...told, ...wrong });
  await expect(found).rejects.toThrow(UsageError);
  await expect(found).rejects.toThrow(reason);
});
