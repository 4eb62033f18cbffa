import { expect, test } from 'vitest';
import { elementKinds } from '../../../../crypto/spec.ts';
import { activationsOf } from '../../../../models/analysis/inspect.ts';
import { pixels } from '../../../../models/data/dataset.ts';
import { servedPlan } from '../../../../pipelines/compile/served-plan.ts';
import { parseBudget } from '../../../../pipelines/cost/budget.ts';
import type { CostBudget } from '../../../../pipelines/cost/budget.ts';
import { defaultMachine } from '../../../../pipelines/cost/default-machine.ts';
import { settingsFor } from '../../../../pipelines/cost/transfer-settings.ts';
import type { Plan } from '../../../../pipelines/plan/plan.ts';
import { pricesOf, pricingOf } from '../../../../pipelines/reduce/hybrid/prices.ts';
import { loadDataset, loadModel } from '../../../../src/index.ts';

const budget = parseBudget('1B@lan:total') as CostBudget;

const sourcesOf = (plan: Plan) =>
  Object.values(settingsFor(plan, { profile: budget.profile }).sources).join();

/** The plan without ReLUs in a layer. */
function linear(plan: Plan, layer: string): Plan {
  const steps = plan.steps.map((step) => {
    if (step.kind !== 'activation' || step.node !== layer) return step;
    const kinds = new Uint8Array(step.spec.kinds.length).fill(elementKinds.affine);
    return { ...step, spec: { ...step.spec, kinds } };
  });
  return { ...plan, steps };
}

test('a ReLU costs about the same in every layer, also where a layer less would change what transfers come from', async () => {
  const model = await loadModel('zoo:fashion-resnet8');
  const data = await loadDataset('fashion-mnist-part', 'train');
  const rows = [...Array(48).keys()];
  const calibration = { images: pixels(data, rows), n: rows.length };
  const plan = await servedPlan(model, { calibration });
  const layers = activationsOf(model).map(({ name }) => name);
  expect(layers.some((layer) => sourcesOf(linear(plan, layer)) !== sourcesOf(plan))).toBe(true);
  const pricing = pricingOf(budget, defaultMachine, plan);
  const prices = layers.map((layer) => pricesOf(plan, layer, undefined, pricing).relu);
  // Windows of 10 to 14 bits.
  expect(Math.max(...prices)).toBeLessThan(1.5 * Math.min(...prices));
});
