import { describe, expect, test } from 'vitest';
import { countRelus } from '../../../models/analysis/inspect.ts';
import type { Model, Node } from '../../../models/graph.ts';
import { asPieces } from '../../../models/passes/curved-activations.ts';
import { privateProblems } from '../../../pipelines/compile/served-plan.ts';
import { withForm } from '../../../pipelines/reduce/activations.ts';
import { datasetHash, trainingDataOf } from '../../../models/data/training-data.ts';
import { readModel } from '../../../models/files/read.ts';
import { writeModel } from '../../../models/files/write.ts';
import { withClasses } from '../../../models/data/match-classes.ts';
import { splitValidation } from '../../../models/data/splits.ts';
import { remembering, trainingDefaults } from '../../../models/train/train-architecture.ts';
import { methods } from '../../../pipelines/reduce/methods.ts';
import { reduce, reduceDefaults, trainingData } from '../../../pipelines/reduce/reduce.ts';
import type { ReduceOptions } from '../../../pipelines/reduce/reduce.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { tinyDataset } from '../../helpers/data/data.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';

const data = tinyDataset(192, 'train');
const told = { method: 'deepreduce', budget: '0.5', data, threads: 1 } as const;

test('the images that are held out do not depend on the seed', async () => {
  const of = async (seed: number) => {
    const { validationAccuracy, history } = await reduce(tinyResnet(), { ...told, epochs: 1, seed });
    return { validationAccuracy, history };
  };
  const { train, validation } = await trainingData(tinyResnet(), data);
  expect(validation.n).toBe(Math.round(192 / 36) * 3);
  expect(train.n + validation.n).toBe(192);
  const again = splitValidation(data, trainingDefaults.validationFraction);
  expect(validation.images).toEqual(again.validation.images);
  expect((await of(2)).history[0]!.loss).not.toBe((await of(1)).history[0]!.loss);
});

test('holds a twelfth of the images out, with the seed of the command line', async () => {
  const model = tinyResnet();
  const { model: found, history, multipliers } = await reduce(model, { ...told, epochs: 1 });
  const { seed } = reduceDefaults;
  const split = splitValidation(data, trainingDefaults.validationFraction);
  const again = await methods.deepreduce.reduce(withClasses(model, data.classes), {
    ...split,
    budget: 0.5,
    epochs: 1,
    seed,
    threads: 1,
  });
  expect(writeModel(withoutHistory(found))).toEqual(writeModel(again.model));
  expect(found.graph.classes).toEqual(data.classes);
  expect(history).toHaveLength(1);
  expect(multipliers).toEqual([]);
});

/** A method does not remember trainings; `reduce` does. */
function withoutHistory({ graph: { history: _, ...graph }, weights }: Model): Model {
  return { graph, weights };
}

describe('what a network remembers of its trainings', () => {
  const heldOut = trainingDefaults.validationFraction;

  test('the data, what was held out, the method and its mitigation, after what the original remembers', async () => {
    const teacher = remembering(tinyResnet(), { step: 'train', data: trainingDataOf(data, heldOut) });
    const mitigate = { scheme: 'reweight' as const };
    const { model } = await reduce(teacher, { ...told, epochs: 1, mitigate, fairSelect: true });
    const step = { step: 'train', data: { name: data.name, hash: datasetHash(data), images: 192, heldOut } };
    expect(readModel(writeModel(model), 'reduced').graph.history).toEqual([
      step,
      {
        ...{ ...step, step: 'reduce', method: 'deepreduce', relus: countRelus(model) },
        ...{ mitigation: { scheme: 'reweight', groups: 'label' }, fairSelect: true },
      },
    ]);
  });

  test('with finalOnAll the last fine-tuning has all images, keeps its last epoch, and nothing is validated', async () => {
    const plain = await reduce(tinyResnet(), { ...told, epochs: 2 });
    const all = await reduce(tinyResnet(), { ...told, epochs: 2, finalOnAll: true });
    expect(plain.validationAccuracy).toBeGreaterThan(0);
    expect(all.validationAccuracy).toBeNaN();
    expect(all.history.every(({ validationAccuracy }) => Number.isNaN(validationAccuracy))).toBe(true);
    expect(all.history[0]!.loss).not.toBe(plain.history[0]!.loss);
    expect(all.log).toEqual(plain.log); // the choice of ReLUs does not see the validation images
    expect(all.model.graph.history!.at(-1)!.data.heldOut).toBe(0);
    const options = { ...told, finalOnAll: true, mitigate: { scheme: 'reweight' as const } };
    await expect(reduce(tinyResnet(), options)).rejects.toThrow(/finalOnAll does not go with a mitigation/);
  });

  test('a teacher that was trained on the validation images is told of, one that was not is not', async () => {
    const notes = async (share: number) => {
      const said: string[] = [];
      const teacher = remembering(tinyResnet(), { step: 'train', data: trainingDataOf(data, share) });
      await reduce(teacher, { ...told, epochs: 1, onNote: (note) => said.push(note) });
      return said.join();
    };
    expect(await notes(0)).toMatch(/trained on validation images of this split/);
    expect(await notes(heldOut)).toBe('');
  });
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

describe('activations that the protocol does not have are replaced first', () => {
  const curved = (): Model => {
    const model = tinyResnet();
    const ops = ['Swish', 'Tanh', 'Sigmoid'] as const;
    let count = 0;
    const nodes = model.graph.nodes.map((node): Node =>
      node.op === 'Relu' && count < ops.length ? { ...node, op: ops[count++]!, attributes: {} } : node,
    );
    return { ...model, graph: { ...model.graph, nodes } };
  };
  const opsOf = ({ graph }: Model) => new Set(graph.nodes.map(({ op }) => op));

  test.each(['relu', 'quadratic'] as const)('by %s: what is left runs privately', async (activations) => {
    const model = curved();
    expect(privateProblems(model).map(({ op }) => op)).toEqual(['Swish', 'Tanh', 'Sigmoid']);
    const { model: found, relusBefore } = await reduce(model, { ...told, activations, epochs: 1 });
    expect(privateProblems(found)).toEqual([]);
    for (const op of ['Swish', 'Tanh', 'Sigmoid'] as const) expect(opsOf(found)).not.toContain(op);
    expect(relusBefore).toBe(countRelus(withForm(model, activations)));
    expect(relusBefore < countRelus(model)).toBe(activations === 'quadratic');
  });

  test('a network without any is a UsageError', async () => {
    const found = reduce(tinyResnet(), { ...told, activations: 'relu' });
    await expect(found).rejects.toThrow(/activations: the network has none that need replacing/);
  });

  test('pieces are the nearest of each kind', () => {
    const found = asPieces(curved()).graph.nodes.map(({ op }) => op);
    expect(found.filter((op) => ['Relu', 'Clip', 'HardSigmoid'].includes(op)).slice(0, 3)).toEqual([
      'Relu',
      'Clip',
      'HardSigmoid',
    ]);
  });
});
