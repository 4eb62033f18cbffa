import { beforeAll, describe, expect, test } from 'vitest';
import { NetworkBuilder } from '../../../../models/architectures/builder.ts';
import type { Model, Replacement } from '../../../../models/graph.ts';
import { activationsOf, countRelus, inspect } from '../../../../models/analysis/inspect.ts';
import { defaultCompileOptions } from '../../../../pipelines/compile/options.ts';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { leastShare } from '../../../../pipelines/simulate/agreement-bound.ts';
import { costIn, parseBudget } from '../../../../pipelines/cost/budget.ts';
import type { CostBudget } from '../../../../pipelines/cost/budget.ts';
import { defaultMachine } from '../../../../pipelines/cost/default-machine.ts';
import { criticality } from '../../../../pipelines/reduce/deepreduce/criticality.ts';
import { elementCosts } from '../../../../pipelines/reduce/polynomials/element-losses.ts';
import { chooseRelus, selectionOf } from '../../../../pipelines/reduce/deepreduce/selection.ts';
import { stagesBy } from '../../../../pipelines/reduce/deepreduce/stages.ts';
import { hybrid } from '../../../../pipelines/reduce/hybrid/hybrid.ts';
import { servedPlan } from '../../../../pipelines/compile/served-plan.ts';
import { candidateAt, cheapestAim, search } from '../../../../pipelines/reduce/hybrid/search.ts';
import { predictLatency } from '../../../../pipelines/cost/latency.ts';
import { methodNames, methods } from '../../../../pipelines/reduce/methods.ts';
import { usePolynomials } from '../../../../pipelines/reduce/polynomials/replace.ts';
import { UsageError } from '../../../../src/shared/errors.ts';
import { defined } from '../../../../src/shared/defined.ts';
import { silent } from '../../../../src/shared/progress.ts';
import type { OnProgress, Phase } from '../../../../src/shared/progress.ts';
import { dearRelus, dearSignTests } from '../../../helpers/protocol/machine.ts';
import { tinyMobilenet } from '../../../helpers/networks/networks.ts';
import { seededRng } from '../../../helpers/rng.ts';
import {
  calibration,
  plannedCost,
  sample,
  shared,
  train,
  trainedTiny,
  validation,
  withoutShorterTests,
} from './trained-tiny.ts';
import { taskOf } from './task-of.ts';

let original: Model;
beforeAll(async () => {
  original = await trainedTiny();
});

/** 1 x 1 convolutions around the second of its ReLU layers. */
function pointwiseNet(): Model {
  const net = new NetworkBuilder('pointwise', [2, 8, 8], seededRng('pointwise'));
  const wide = { inChannels: 6, channels: 6, kernel: 1, stride: 1 };
  const a = net.relu('relu1', net.conv('conv1', net.input, { ...wide, inChannels: 2, kernel: 3 }));
  const b = net.relu('relu2', net.conv('conv2', a, wide));
  const c = net.relu('relu3', net.conv('conv3', b, wide));
  return net.build(net.gemm('fc', net.flatten('flatten', net.globalAveragePool('pool', c)), 6, 3));
}

const budgetOf = (text: string) => parseBudget(text) as CostBudget;
const measured = () => ({ model: original, sample, onProgress: silent });

/** A share of what the network takes as it is, in another phase and unit each time. */
async function shareOf(share: number, text: string): Promise<CostBudget> {
  const budget = budgetOf(text);
  return {
    ...budget,
    limit: share * (await plannedCost(original, budget)),
  };
}

describe('a budget in seconds or bytes', () => {
  test.each([
    [0.95, '1s@wan'],
    [0.4, '1B@lan'],
    [0.9, '1s@lan:total'],
    [0.9, '1B@wan:total'],
  ])(
    '%f of what it takes (%s): the trained network, planned as it would be served, is within it',
    async (share, text) => {
      const budget = await shareOf(share, text);
      const result = await hybrid(original, { ...shared, budget, epochs: 1 });
      const plan = await servedPlan(result.model, { calibration });
      const cost = costIn(budget, predictLatency(plan, budget.profile, dearRelus));
      expect(cost).toBeLessThanOrEqual(budget.limit);
      expect(result.cost).toMatchObject({ after: cost, unit: budget.unit });
      expect(result.cost!.before).toBeGreaterThan(budget.limit);
      expect(result.relusAfter).toBe(countRelus(result.model));
      expect(result.budget).toBe(result.relusAfter);
      for (const entry of result.log) {
        expect(entry.relus_after + entry.identity + entry.poly).toBe(entry.relus_before);
      }
    },
    180_000,
  );

  test('where linear layers merge, a layer goes for its round trip; for its bytes it stays', async () => {
    const model = pointwiseNet();
    const found = async (text: string, less: (before: number) => number) => {
      const before = await plannedCost(model, budgetOf(text), defaultMachine);
      const budget = { ...budgetOf(text), limit: less(before) };
      const task = await taskOf({ model, sample, onProgress: silent }, budget, defaultMachine, {
        calibration,
      });
      return { limit: budget.limit, ...(await search(task, budget.limit)) };
    };
    const vanished = ({ choices }: Awaited<ReturnType<typeof found>>) =>
      choices.layers.flatMap(({ kind }, l) => (kind === 'vanished' ? [l] : []));
    // Its 384 ReLUs take 6 kB online, half a millisecond: without a round trip less, 35 ms are out of reach.
    const slow = await found('1s@wan', (before) => before - 0.035);
    expect(slow.cost).toBeLessThanOrEqual(slow.limit);
    expect(vanished(slow)).toContain(1);
    expect(vanished(await found('1B@wan', (before) => 0.8 * before))).toEqual([]);
  }, 180_000);

  test('of a network with ReLU6 the second sign tests go first: they cost as much as the first', async () => {
    const model = tinyMobilenet();
    const budget = budgetOf('1B@lan');
    const task = await taskOf({ ...measured(), model }, { ...budget, limit: 1 }, defaultMachine, {
      calibration,
    });
    expect(task.baseCost).toBeLessThan(0.6 * task.before);
    const whole = await search(task, task.baseCost);
    expect(whole.choices.loss).toBe(0);
    expect(countRelus(whole.model)).toBe(countRelus(model));
    const half = await search(task, task.baseCost / 2);
    expect(half.cost).toBeLessThanOrEqual(task.baseCost / 2);
    expect(half.cost).toBeGreaterThan(0.9 * (task.baseCost / 2));
    expect(countRelus(half.model)).toBeLessThan(0.55 * countRelus(model));
  }, 180_000);

  test('counted with the bits that an agreement takes, it leaves more ReLUs than with the usual ones, and says which bits those are', async () => {
    const budget = await shareOf(0.5, '1B@lan');
    const options = { ...shared, budget, epochs: 1, searchEpochs: 0, machine: defaultMachine };
    const plain = await hybrid(original, options);
    const { model, cost, relusAfter } = await hybrid(original, { ...options, agreement: 0.9 });
    expect(plain.cost!.bits).toBeUndefined();
    const { activationBits, weightBits, agree, images, isShown } = cost!.bits!;
    expect(activationBits).toBeLessThan(defaultCompileOptions.activationBits);
    expect([isShown, agree <= images]).toEqual([leastShare(agree, images) >= 0.9, true]);
    const plan = await servedPlan(model, { calibration, activationBits, weightBits });
    expect(cost!.planHash).toBe(planHash(plan));
    expect(cost!.after).toBe(costIn(budget, predictLatency(plan, budget.profile, defaultMachine)));
    expect(cost!.after).toBeLessThanOrEqual(budget.limit);
    expect(model.graph.leftOut).toBeUndefined();
    const task = await taskOf(measured(), budget, defaultMachine, { calibration });
    const usual = await search(withoutShorterTests(task), budget.limit);
    expect(relusAfter).toBeGreaterThan(countRelus(usual.model));
  }, 180_000);

  test("for a count of ReLUs gates learn, so that the network is AutoReP's; without a search those of least loss go", async () => {
    const options = { ...shared, budget: 100, epochs: 1 };
    const learned = await hybrid(original, options);
    const own = await methods.autorep.reduce(original, options);
    expect(learned.model.weights).toEqual(own.model.weights);
    expect(learned.log).toEqual(own.log);
    const ranked = await hybrid(original, { ...options, searchEpochs: 0 });
    expect([learned.relusAfter, ranked.relusAfter]).toEqual([100, 100]);
    const keptIn = (model: Model) => inspect(model).layers.map(({ relus }) => relus);
    expect(keptIn(ranked.model)).not.toEqual(keptIn(learned.model));
  }, 180_000);

  test('an agreement with a budget in ReLUs is refused', async () => {
    const counted = { ...shared, budget: 100, epochs: 1, agreement: 0.9 };
    await expect(hybrid(original, counted)).rejects.toThrow(/option agreement: .* give a budget in them/);
  });

  describe('a budget that no choice of layers meets', () => {
    /** The refusal, and the phases before it. */
    async function refusal(text: string, replace?: Replacement) {
      const phases = new Set<Phase>();
      const onProgress: OnProgress = ({ phase }) => void phases.add(phase);
      const options = { ...shared, budget: budgetOf(text), epochs: 1, onProgress, ...defined({ replace }) };
      const { message } = await hybrid(original, options).then(
        () => new Error('it was met'),
        (error: unknown) => error as Error,
      );
      return { message, phases };
    }

    async function afterLosses(text: string, replace?: Replacement) {
      const budget = budgetOf(text);
      const task = await taskOf({ ...measured(), replace }, budget, dearRelus, { calibration });
      return search(task, budget.limit).catch((error: unknown) => (error as Error).message);
    }

    async function leastCost(text: string) {
      const task = await taskOf(measured(), { ...budgetOf(text), limit: 0 }, dearRelus, { calibration });
      return candidateAt(task, cheapestAim(task), 0);
    }

    test.each(['1ms@wan', '100B@lan', '1ms@lan:total'])(
      '%s: it is refused before any loss is measured, with what the cheapest one takes',
      async (text) => {
        const { message, phases } = await refusal(text);
        expect(message).toMatch(/is less than any choice of layers takes; the cheapest one takes \d/);
        expect(message).toBe(await afterLosses(text));
        expect([...phases]).toEqual(['layer-prices']);
      },
    );

    test('one that is nearly met is left to the search, whose candidates may be cheaper', async () => {
      const { cost } = (await leastCost('1s@wan'))!;
      const near = await refusal(`${0.8 * cost}s@wan`);
      expect(near.message).toMatch(/the cheapest one takes/);
      expect(near.phases).toContain('layer-losses');
    });

    test('squares cost more than ReLUs with the shortest sign tests: only losses say whether there are such', async () => {
      const { message, phases } = await refusal('1ms@lan:total', 'quadratic');
      expect(message).toBe(await afterLosses('1ms@lan:total', 'quadratic'));
      expect(phases).toContain('layer-losses');
    });
  });

  test('a budget that it meets as it is, one that nothing meets, and one for a method that counts ReLUs', async () => {
    const options = { ...shared, epochs: 1 };
    await expect(hybrid(original, { ...options, budget: budgetOf('1000s@wan') })).rejects.toThrow(
      'nothing to reduce',
    );
    await expect(hybrid(original, { ...options, budget: budgetOf('1ms@wan') })).rejects.toThrow(
      /the cheapest one takes/,
    );
    const uncalibrated = { train, validation, seed: 7, epochs: 1 };
    await expect(hybrid(original, { ...uncalibrated, budget: budgetOf('1ms@wan') })).rejects.toThrow(
      /expected calibration images/,
    );
    for (const name of methodNames.filter((own) => own !== 'hybrid')) {
      const refused = methods[name].reduce(original, { ...options, budget: budgetOf('1s@wan') });
      await expect(refused).rejects.toThrow(UsageError);
    }
  }, 180_000);
});

test("at the cost of DeepReDuce's choice its loss is at most that choice's", async () => {
  const ranked = await criticality(original, stagesBy(original, undefined), sample, {
    ...shared,
    budget: 0,
    epochs: 1,
  });
  const layers = activationsOf(original).map(({ name }) => name);
  const losses = await elementCosts(original, layers, sample);
  for (const relus of [600, 300, 100]) {
    const surplus = countRelus(original) - relus;
    const selection = selectionOf(original, ranked, { surplus, thinning: 'elements' });
    const replaced = await chooseRelus(original, selection, 'quadratic', sample);
    const theirs = [...replaced].reduce(
      (sum, [layer, chosen]) =>
        sum + chosen.reduce((own, one, e) => own + (one === 1 ? losses.get(layer)![e]! : 0), 0),
      0,
    );
    const network = await usePolynomials(original, replaced, sample);
    const budget = budgetOf('1s@wan');
    const limit = await plannedCost(network, budget, dearSignTests);
    const task = await taskOf(measured(), { ...budget, limit }, dearSignTests, { calibration });
    const found = await search(task, limit);
    expect(found.cost).toBeLessThanOrEqual(limit);
    expect(found.choices.loss).toBeLessThanOrEqual(theirs);
  }
}, 180_000);
