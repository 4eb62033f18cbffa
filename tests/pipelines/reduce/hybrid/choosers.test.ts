import { beforeAll, describe, expect, test } from 'vitest';
import type { Model, Replacement } from '../../../../models/graph.ts';
import { dearRelus } from '../../../helpers/protocol/machine.ts';
import { parseBudget } from '../../../../pipelines/cost/budget.ts';
import type { CostBudget } from '../../../../pipelines/cost/budget.ts';
import { candidateNetwork } from '../../../../pipelines/reduce/hybrid/candidate.ts';
import { choose } from '../../../../pipelines/reduce/hybrid/choose.ts';
import { learnedChooser, room, structureOf } from '../../../../pipelines/reduce/hybrid/choosers.ts';
import { keptCost } from '../../../../pipelines/reduce/hybrid/learned.ts';
import type { Task } from '../../../../pipelines/reduce/hybrid/task.ts';
import { few, search } from '../../../../pipelines/reduce/hybrid/search.ts';
import { UsageError } from '../../../../src/shared/errors.ts';
import { silent } from '../../../../src/shared/progress.ts';
import {
  calibration,
  plannedCost,
  sample,
  shared,
  trainedTiny,
  withoutShorterTests,
} from './trained-tiny.ts';
import { taskOf } from './task-of.ts';

const budget = parseBudget('1s@lan:total') as CostBudget;

let original: Model;
let before: number;
beforeAll(async () => {
  original = await trainedTiny();
  before = await plannedCost(original, budget);
});

const wholeTaskAt = (share: number, replace?: Replacement) =>
  taskOf(
    { model: original, sample, replace, onProgress: silent },
    { ...budget, limit: share * before },
    dearRelus,
    { calibration },
  );

const taskAt = async (share: number, replace?: Replacement) =>
  withoutShorterTests(await wholeTaskAt(share, replace));

test.each([0.35, 0.25])(
  'of a budget of %f that shorter sign tests alone do not meet no more than a hundredth is left unspent',
  async (share) => {
    const { choices, cost, model } = await search(await wholeTaskAt(share), share * before);
    expect(cost).toBeLessThanOrEqual(share * before);
    expect(cost).toBeGreaterThan(0.99 * share * before);
    expect(Object.keys(model.graph.leftOut!).length).toBeGreaterThan(0);
    expect(choices.layers.some((own) => own.kind === 'vanished' || own.replaced.includes(1))).toBe(true);
  },
);

test.each([0.8, 0.66, 0.58, 0.44])(
  'of a budget of %f ReLUs that go one by one leave no more than a hundredth unspent',
  async (share) => {
    const { cost } = await search(await taskAt(share), share * before);
    expect(cost).toBeLessThanOrEqual(share * before);
    expect(cost).toBeGreaterThan(0.99 * share * before);
  },
);

const limitedTo = (task: Task, limit: number): Task => ({ ...task, budget: { ...task.budget, limit } });

/** The cost of the cheapest choice: what its plan takes, as the search's refusals name it. */
async function leastCost({ layers, cheapest, dearest, rest, base }: Task): Promise<number> {
  const choices = choose(layers, cheapest - rest + 1e-9 * dearest)!;
  return plannedCost(await candidateNetwork(base, layers, choices, few(sample)), budget);
}

describe('the structure in which gates learn', () => {
  test('is the ranked choice where its ReLUs are worth a few percent of the budget', async () => {
    const task = await taskAt(0.6);
    const { choices } = await search(task, task.budget.limit);
    expect(keptCost(task, choices)).toBeGreaterThan(room * task.budget.limit);
    expect(await structureOf(task)).toEqual(choices);
  });

  test('is a cheaper one where there is no ReLU to give up for what training adds', async () => {
    const given = await taskAt(0.62, 'quadratic'); // whose squares are dearer than ReLUs: layers go whole
    const { cost } = await search(given, given.budget.limit);
    const task = limitedTo(given, 1.01 * cost);
    const { choices } = await search(task, task.budget.limit);
    expect(keptCost(task, choices)).toBe(0);
    expect(await structureOf(task)).toEqual((await search(task, (1 - room) * task.budget.limit)).choices);
    expect((await structureOf(task)).cost).toBeLessThan(choices.cost);
  });

  test('is the least there is where no cheaper one is left', async () => {
    const given = await taskAt(0.6);
    const task = limitedTo(given, 1.01 * (await leastCost(given)));
    const { choices } = await search(task, task.budget.limit);
    expect(keptCost(task, choices)).toBeLessThan(room * task.budget.limit);
    await expect(search(task, (1 - room) * task.budget.limit)).rejects.toThrow(UsageError);
    expect(await structureOf(task)).toEqual(choices);
  });
});

test('a network that training has brought over the budget leaves free what it was over', async () => {
  const task = await taskAt(0.6);
  const { limit } = task.budget;
  const choose = await learnedChooser(task, { ...shared, budget: task.budget, epochs: 1 });
  const costsOf = (model: Model) => plannedCost(model, budget);
  const { model: first } = await choose();
  expect(await costsOf(first)).toBeLessThanOrEqual(limit);
  expect(await costsOf(first)).toBeGreaterThan(0.93 * limit);
  const { model: second } = await choose({ model: first, cost: 1.1 * limit });
  expect(await costsOf(second)).toBeLessThanOrEqual(0.9 * limit);
  expect(await costsOf(second)).toBeGreaterThan(0.83 * limit);
});
