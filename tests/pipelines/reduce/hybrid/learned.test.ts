import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { NetworkBuilder } from '../../../../models/architectures/builder.ts';
import type { Dataset } from '../../../../models/data/dataset.ts';
import { groupsOfLabels } from '../../../../models/fairness/groups.ts';
import type { Model } from '../../../../models/graph.ts';
import { activationsOf, countRelus } from '../../../../models/analysis/inspect.ts';
import { dropRelus } from '../../../../models/passes/drop-relu.ts';
import { writeModel } from '../../../../models/files/write.ts';
import { tensor } from '../../../../models/tensor.ts';
import { parseBudget } from '../../../../pipelines/cost/budget.ts';
import type { CostBudget } from '../../../../pipelines/cost/budget.ts';
import type { LayerChoices } from '../../../../pipelines/reduce/hybrid/choose.ts';
import { hybrid } from '../../../../pipelines/reduce/hybrid/hybrid.ts';
import { keepWithin, learnGates } from '../../../../pipelines/reduce/hybrid/learned.ts';
import type { LearnedGates } from '../../../../pipelines/reduce/hybrid/learned.ts';
import { servedPlan } from '../../../../pipelines/compile/served-plan.ts';
import { search } from '../../../../pipelines/reduce/hybrid/search.ts';
import type { Task } from '../../../../pipelines/reduce/hybrid/task.ts';
import { PlanError, UsageError } from '../../../../src/shared/errors.ts';
import { silent } from '../../../../src/shared/progress.ts';
import type { Phase, ProgressEvent } from '../../../../src/shared/progress.ts';
import { dearRelus, dearSignTests } from '../../../helpers/protocol/machine.ts';
import { seededRng } from '../../../helpers/rng.ts';
import {
  calibration,
  plannedCost,
  sample,
  shared,
  train,
  trainedTiny,
  withoutShorterTests,
} from './trained-tiny.ts';
import { taskOf } from './task-of.ts';

const budget = parseBudget('1s@lan') as CostBudget;

let original: Model;
let before: number;
beforeAll(async () => {
  original = await trainedTiny();
  before = await plannedCost(original, budget);
});

const taskAt = (model: Model, limit: number, machine = dearRelus) =>
  taskOf({ model, sample, onProgress: silent }, { ...budget, limit }, machine, { calibration });

const costsOf = (task: Task, model: Model) => plannedCost(model, task.budget);

/** Half of each layer's ReLUs gone, whatever they cost. */
function halves({ layers }: Task): LayerChoices {
  const half = (_: number, e: number) => e % 2;
  return {
    layers: layers.map(({ replacements }) => ({
      kind: 'mixed',
      replacement: 0,
      replaced: Uint8Array.from(replacements[0]!.losses, half),
    })),
    cost: 0,
    loss: 0,
  };
}

/** By layer, of the first half of all ReLUs in the order in which they are kept. */
function keptOf({ layers, order }: LearnedGates): number[] {
  const ends = layers.reduce<number[]>((found, { relus }) => [...found, (found.at(-1) ?? 0) + relus], []);
  const counts = layers.map(() => 0);
  for (const element of order.subarray(0, order.length / 2))
    counts[ends.findIndex((end) => element < end)]!++;
  return counts;
}

test('where the ReLUs of one layer are dearer than the others, gates keep fewer of them', async () => {
  const task = await taskAt(original, before / 2, dearSignTests);
  const options = { ...shared, budget: task.budget, epochs: 3 };
  const kept = async (factors: readonly number[]) => {
    const layers = task.layers.map((layer, l) => ({ ...layer, reluPrice: layer.reluPrice * factors[l]! }));
    const own = { ...task, layers };
    return keptOf((await learnGates(own, halves(own), options))!);
  };
  const plain = await kept([1, 1, 1, 1, 1]);
  const dear = await kept([1, 1, 4, 1, 1]);
  expect(dear[2]!).toBeLessThan(0.8 * plain[2]!);
  expect(dear.reduce((a, b) => a + b)).toBe(plain.reduce((a, b) => a + b));
});

describe('as many ReLUs as a limit affords', () => {
  let task: Task;
  let learned: LearnedGates;
  beforeAll(async () => {
    task = withoutShorterTests(await taskAt(original, before / 2));
    const { choices } = await search(task, before / 2);
    learned = (await learnGates(task, choices, { ...shared, budget: task.budget, epochs: 1 }))!;
  });

  test('the plan is within it, and a few more ReLUs would not be', async () => {
    const relus = countRelus(original);
    for (const share of [0.7, 0.5, 0.35]) {
      const { model } = await keepWithin(task, learned, share * before);
      const cost = await costsOf(task, model);
      expect(cost).toBeLessThanOrEqual(share * before);
      expect(cost).toBeGreaterThan(share * before - (0.02 * before * relus) / countRelus(model));
    }
  });

  test('a tuned network that has become dearer loses the next lowest and keeps its weights', async () => {
    const { model: first, replaced } = await keepWithin(task, learned, 0.5 * before);
    // Larger values, a bit more of a window here and there.
    const grown = (name: string, data: Float32Array) =>
      /stem.bn.(scale|bias)/.test(name) ? data.map((value) => 1.4 * value) : data;
    const weights = [...first.weights].map(
      ([name, { shape, data }]) => [name, tensor(shape, grown(name, data))] as const,
    );
    const tuned = { ...first, weights: new Map(weights) };
    const limit = 0.5 * before;
    expect(await costsOf(task, tuned)).toBeGreaterThan(limit);
    const second = await keepWithin(task, learned, limit, tuned);
    expect(await costsOf(task, second.model)).toBeLessThanOrEqual(limit);
    expect(countRelus(second.model)).toBeLessThan(countRelus(first));
    for (const [layer, own] of second.replaced)
      own.forEach((gone, e) => expect(gone).toBeGreaterThanOrEqual(replaced.get(layer)![e]!));
    for (const [name, { data }] of second.model.weights) expect(data).toEqual(tuned.weights.get(name)!.data);
  });

  test('where no plan has bits for the cut network the choice keeps as many; a tuned one is refused', async () => {
    const name = 'stem.bn.scale';
    const wild = (model: Model): Model => {
      const { shape, data } = model.weights.get(name)!;
      const large = data.map((value) => 1e6 * value);
      return { ...model, weights: new Map(model.weights).set(name, tensor(shape, large)) };
    };
    const own = { ...learned, searched: wild(learned.searched) };
    await expect(servedPlan(wild(original), { calibration })).rejects.toThrow(PlanError);
    const { model } = await keepWithin(task, own, 0.5 * before);
    expect(countRelus(model)).toBe(learned.layers.reduce((sum, { kept }) => sum + kept, 0));
    await expect(keepWithin(task, own, 0.5 * before, model)).rejects.toThrow(PlanError);
  });

  test('a limit below what is left without ReLUs is refused', async () => {
    const { model } = await keepWithin(task, learned, 0.35 * before);
    expect(countRelus(model)).toBeGreaterThan(0);
    await expect(keepWithin(task, learned, 0.01 * before)).rejects.toThrow(UsageError);
    await expect(keepWithin(task, learned, 0.01 * before)).rejects.toThrow(
      /even without ReLUs; give a slightly larger budget/,
    );
  });
});

/** 1 x 1 convolutions around the second of its ReLU layers, which goes for its round trip. */
function pointwiseNet(): Model {
  const net = new NetworkBuilder('pointwise', [2, 8, 8], seededRng('pointwise'));
  const wide = { inChannels: 6, channels: 6, kernel: 1, stride: 1 };
  const a = net.relu('relu1', net.conv('conv1', net.input, { ...wide, inChannels: 2, kernel: 3 }));
  const b = net.relu('relu2', net.conv('conv2', a, wide));
  const c = net.relu('relu3', net.conv('conv3', b, wide));
  return net.build(net.gemm('fc', net.flatten('flatten', net.globalAveragePool('pool', c)), 6, 3));
}

test('a layer that goes whole is gone, the others have learned; without epochs of search they are ranked', async () => {
  const model = pointwiseNet();
  const wan = parseBudget('1s@wan') as CostBudget;
  // Less than the network takes with no ReLU in its three layers: one of them must save its round trip.
  const limit = (await plannedCost(dropRelus(model, ['relu2']), wan)) - 0.025;
  const checkpoint = await mkdtemp(join(tmpdir(), 'hybrid-'));
  const options = { ...shared, budget: { ...wan, limit }, epochs: 1 };
  const learned = await hybrid(model, { ...options, checkpoint });
  expect(learned.cost!.after).toBeLessThanOrEqual(limit);
  expect(activationsOf(learned.model).map(({ name }) => name)).not.toContain('relu2');
  const reasons = learned.log.map(({ reason }) => reason);
  expect(reasons[1]).toMatch(/^it vanishes for a loss of/);
  for (const l of [0, 2]) expect(reasons[l]).toMatch(/highest values of m .*; each replaced ReLU saves \d/);
  expect(await readdir(checkpoint)).toContain('search.checkpoint');
  const ranked = await hybrid(model, { ...options, searchEpochs: 0 });
  expect(ranked.cost!.after).toBeLessThanOrEqual(limit);
  for (const { reason } of ranked.log) expect(reason).not.toMatch(/values of m/);
});

test('stopped in its search and in its fine-tuning it ends with the network of one that was not', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'hybrid-'));
  const options = { ...shared, budget: { ...budget, limit: 0.35 * before }, epochs: 2 };
  const straight = writeModel((await hybrid(original, { ...options, checkpoint: join(folder, 'a') })).model);
  const heard: ProgressEvent[] = [];
  const stoppedIn = (phase?: Phase) =>
    hybrid(original, {
      ...options,
      checkpoint: join(folder, 'b'),
      onProgress(event) {
        heard.push(event);
        if (event.phase === phase && event.training!.epoch === 2) throw new Error('stopped');
      },
    });
  await expect(stoppedIn('gate-search')).rejects.toThrow('stopped');
  await expect(stoppedIn('fine-tuning')).rejects.toThrow('stopped');
  const first = heard.filter(({ phase, training }) => phase === 'gate-search' && training!.epoch === 1);
  expect(first).toHaveLength(6);
  const resumed = writeModel((await stoppedIn()).model);
  expect(Buffer.compare(resumed, straight)).toBe(0);
}, 300_000);

test('where groups count, other ReLUs are kept within the same cost; mitigation goes with the fine-tuning', async () => {
  const groupsOf = ({ labels }: Pick<Dataset, 'labels'>) =>
    groupsOfLabels(Array.from(labels, (label) => (label === 0 ? 1 : 0)), ['others', 'a']); // prettier-ignore
  const options = { ...shared, budget: { ...budget, limit: 0.5 * before }, epochs: 1 };
  const told: string[] = [];
  const plain = await hybrid(original, options);
  const fair = await hybrid(original, {
    ...options,
    fairSelect: { groupsOf },
    mitigation: {
      ...{ scheme: 'primal-dual', groups: groupsOf(train) },
      onEpoch: ({ phase }) => told.push(phase ?? ''),
    },
  });
  for (const { cost } of [plain, fair]) expect(cost!.after).toBeLessThanOrEqual(0.5 * before);
  expect(told[0]).toBe('fine-tuning');
  const kinds = ({ model: { graph } }: typeof plain) =>
    graph.nodes.flatMap((node) => (node.op === 'MixedActivation' ? [...node.attributes.kinds] : []));
  expect(kinds(fair)).not.toEqual(kinds(plain));
}, 300_000);
