import { beforeAll, expect, test } from 'vitest';
import type { Model } from '../../../../models/graph.ts';
import { readModel } from '../../../../models/files/read.ts';
import { writeModel } from '../../../../models/files/write.ts';
import { parseBudget } from '../../../../pipelines/cost/budget.ts';
import type { CostBudget } from '../../../../pipelines/cost/budget.ts';
import { defaultMachine } from '../../../../pipelines/cost/default-machine.ts';
import { prepare, servedPlan } from '../../../../pipelines/compile/served-plan.ts';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { activationSteps } from '../../../../pipelines/plan/plan.ts';
import { hybrid } from '../../../../pipelines/reduce/hybrid/hybrid.ts';
import { pricingOf } from '../../../../pipelines/reduce/hybrid/prices.ts';
import { measuredTests } from '../../../../pipelines/reduce/hybrid/shorter-tests.ts';
import type { ShorterTests } from '../../../../pipelines/reduce/hybrid/shorter-tests.ts';
import {
  calibration,
  plannedCost,
  sample,
  shared,
  trainedTiny,
  withoutShorterTests,
} from './trained-tiny.ts';
import { search } from '../../../../pipelines/reduce/hybrid/search.ts';
import { silent } from '../../../../src/shared/progress.ts';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { taskOf } from './task-of.ts';

const budget = parseBudget('1B@lan:total') as CostBudget;

let original: Model;
beforeAll(async () => {
  original = await trainedTiny();
});

async function testsOf(layer: string, most: number): Promise<readonly ShorterTests[]> {
  const prepared = await prepare(original, { calibration });
  const of = await measuredTests(prepared, sample, pricingOf(budget, defaultMachine, prepared.plan));
  return of(layer, most);
}

test('shorter tests are cheaper each time; few bits lose nothing and many lose much', async () => {
  const [layer] = activationSteps(await servedPlan(original, { calibration }));
  const all = await testsOf(layer!.node, Infinity);
  expect(all.length).toBeGreaterThan(3);
  all.slice(1).forEach(({ leftOut, reluPrice }, i) => {
    expect(leftOut).toBeGreaterThan(all[i]!.leftOut);
    expect(reluPrice).toBeLessThan(all[i]!.reluPrice);
  });
  expect(all[0]!.loss).toBeLessThan(1e-4);
  expect(all.at(-1)!.loss).toBeGreaterThan(100 * Math.max(1e-6, all[0]!.loss));
  const bound = all.at(-1)!.loss / 2;
  const within = await testsOf(layer!.node, bound);
  expect(within).toEqual(
    all.slice(
      0,
      all.findIndex(({ loss }) => loss > bound),
    ),
  );
  expect(await testsOf('no layer', Infinity)).toEqual([]);
});

test('shorter sign tests leave ReLUs that would have to go, and the file carries them to its plan', async () => {
  const before = await plannedCost(original, budget, defaultMachine);
  const own = { ...budget, limit: 0.8 * before };
  const task = await taskOf({ model: original, sample, onProgress: silent }, own, defaultMachine, {
    calibration,
  });
  const usual = await search(withoutShorterTests(task), own.limit);
  const options = { ...shared, budget: own, epochs: 1, searchEpochs: 0, machine: defaultMachine };
  const { model, cost, relusAfter, log } = await hybrid(original, options);
  expect((await search(task, own.limit)).choices.loss).toBeLessThan(usual.choices.loss);
  expect(relusAfter).toBeGreaterThan(countRelus(usual.model));
  expect(Object.values(model.graph.leftOut!).some((bits) => bits > 0)).toBe(true);
  expect(log.some(({ reason }) => /sign tests leave out \d+ bits/.test(reason))).toBe(true);
  expect(cost!.after).toBeLessThanOrEqual(own.limit);
  const served = await servedPlan(readModel(writeModel(model), 'reduced.onnx'), { calibration });
  expect(planHash(served)).toBe(cost!.planHash);
  const { leftOut, ...graph } = model.graph;
  expect(await plannedCost({ ...model, graph }, budget, defaultMachine)).toBeGreaterThan(cost!.after);
  expect(leftOut).toBeDefined();
});
