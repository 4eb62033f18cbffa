import { beforeAll, expect, test } from 'vitest';
import { activationsOf } from '../../../../models/analysis/inspect.ts';
import type { Model } from '../../../../models/graph.ts';
import { dropRelus } from '../../../../models/passes/drop-relu.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { servedPlan } from '../../../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../../../pipelines/cost/bytes.ts';
import { parseBudget } from '../../../../pipelines/cost/budget.ts';
import type { CostBudget } from '../../../../pipelines/cost/budget.ts';
import { defaultMachine } from '../../../../pipelines/cost/default-machine.ts';
import { hybrid } from '../../../../pipelines/reduce/hybrid/hybrid.ts';
import { joinLayers } from '../../../../pipelines/reduce/hybrid/join-layers.ts';
import { meanDivergence } from '../../../../pipelines/reduce/polynomials/element-losses.ts';
import { calibration, plannedCost, sample, shared, trainedTiny } from './trained-tiny.ts';

let original: Model;
beforeAll(async () => {
  original = await trainedTiny();
});

const within = 'stage2.block0.relu1';
const afterSum = 'stage1.block0.relu2';

const roundsOf = async (model: Model) => predictCost(await servedPlan(model, { calibration })).rounds;

test('a layer between two convolutions goes with a round trip, and the answers stay closer than without lines', async () => {
  const { model, left } = await joinLayers(original, [within], sample);
  expect(left).toEqual([]);
  expect(activationsOf(model)).toHaveLength(activationsOf(original).length - 1);
  const dropped = dropRelus(original, [within]);
  expect(await roundsOf(model)).toBe((await roundsOf(original)) - 1);
  expect(await roundsOf(dropped)).toBe(await roundsOf(original));
  const answers = (network: Model) => predict(network, sample.images, sample.n);
  const given = await answers(original);
  const loss = async (network: Model) => meanDivergence(given, await answers(network), 3);
  expect(await loss(model)).toBeLessThan(0.8 * (await loss(dropped)));
});

test('a layer behind a sum is left', async () => {
  expect(await joinLayers(original, [afterSum], sample)).toEqual({ model: original, left: [afterSum] });
});

test('a budget of one round trip less than the network takes without any ReLU is met by one layer less', async () => {
  const budget = parseBudget('1s@wan') as CostBudget;
  const layers = activationsOf(original).map(({ name }) => name);
  const least = await plannedCost(dropRelus(original, layers.slice(0, -1)), budget, defaultMachine);
  const options = { ...shared, machine: defaultMachine, epochs: 1, searchEpochs: 0 };
  const reduced = await hybrid(original, { ...options, budget: { ...budget, limit: least - 0.02 } });
  expect(reduced.cost!.after).toBeLessThanOrEqual(least - 0.02);
  expect(reduced.relusAfter).toBeGreaterThan(0);
  const vanished = reduced.log.filter(({ reason }) => /vanishes .* become one/.test(reason));
  expect(vanished.length).toBeGreaterThan(0);
  const kept = new Set(activationsOf(reduced.model).map(({ name }) => name));
  for (const { layer } of vanished) expect(kept).not.toContain(layer);
  expect(await roundsOf(reduced.model)).toBeLessThan(await roundsOf(original));
});
