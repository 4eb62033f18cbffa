import { describe, expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { activationKinds } from '../../../models/graph.ts';
import type { Model } from '../../../models/graph.ts';
import { countRelus, stagesOf } from '../../../models/inspect.ts';
import { activationStatistics } from '../../../pipelines/activation-statistics.ts';
import { rankStages } from '../../../pipelines/deepreduce/criticality.ts';
import { chooseCulled, deepreduce } from '../../../pipelines/deepreduce/deepreduce.ts';
import { thinOut } from '../../../pipelines/deepreduce/thin-out.ts';
import { resolveBudget } from '../../../pipelines/reduction.ts';
import { tinyDataset } from '../../helpers/data.ts';
import { tinyResnet } from '../../helpers/networks.ts';
import { rawModel } from '../../helpers/onnx.ts';
import { readModel } from '../../../models/onnx/read.ts';
import { seededRng } from '../../helpers/rng.ts';

const stage = (name: string, relus: number) => ({ name, resolution: [1, 1], nodes: [name], relus });

describe('criticality', () => {
  test('by hand', () => {
    const ranked = rankStages([stage('S1', 1000), stage('S2', 500), stage('S3', 100)], [0.5, 0.7, 0.69]);
    expect(ranked.map(({ stage: s }) => s.name)).toEqual(['S1', 'S2', 'S3']);
    expect(ranked.map((r) => r.criticality)).toEqual(
      [0, 0.2 / 500 ** 0.07, (0.69 - 0.5) / 100 ** 0.07].map(near),
    );
  });

  test('of equal stages the larger goes first', () => {
    const ranked = rankStages([stage('S1', 10), stage('S2', 20)], [0.5, 0.5]);
    expect(ranked.map(({ stage: s }) => s.name)).toEqual(['S2', 'S1']);
  });

  const near = (value: number) => expect.closeTo(value, 12) as number;
});

test('culled to polynomials, the log says so, and nothing becomes an identity', async () => {
  const data = { train: tinyDataset(64, 'train'), validation: tinyDataset(30, 'validation') };
  const options = {
    ...data,
    budget: 150,
    culledTo: 'polynomial',
    epochs: 1,
    batch: 32,
    seed: 1,
    threads: 1,
  } as const;
  const { log, relusAfter, criticality } = await deepreduce(tinyResnet(), options);
  expect(relusAfter).toBe(150);
  expect(log.reduce((sum, entry) => sum + entry.poly, 0)).toBe(960 - 150);
  expect(log.some((entry) => entry.identity > 0)).toBe(false);
  const culled = log.filter((entry) => entry.reason.endsWith('culled whole, to polynomial'));
  const order = criticality.map(({ stage: s }) => s.relus);
  expect(culled.length).toBe(order[0] === 768 ? 3 : 2);
});

test('a budget of nothing culls every stage', async () => {
  const data = { train: tinyDataset(64, 'train'), validation: tinyDataset(30, 'validation') };
  const options = { ...data, budget: 0, epochs: 1, batch: 32, seed: 1, threads: 1 };
  const { log, model } = await deepreduce(tinyResnet(), options);
  expect(countRelus(model)).toBe(0);
  expect(log.every((entry) => entry.relus_after === 0 && entry.identity === entry.relus_before)).toBe(true);
});

test('culling stops before it would go below the budget', () => {
  const ranked = [stage('S2', 500), stage('S1', 1000), stage('S3', 100)].map((s) => ({
    stage: s,
    accuracy: 0,
    criticality: 0,
  }));
  const names = (surplus: number) => chooseCulled(ranked, surplus).map(({ stage: s }) => s.name);
  expect(names(499)).toEqual([]);
  expect(names(500)).toEqual(['S2']);
  expect(names(1499)).toEqual(['S2']); // not S3 in place of S1
  expect(names(1500)).toEqual(['S2', 'S1']);
});

describe('thinOut', () => {
  const model = tinyResnet();
  const images = normals(64 * 128, seededRng('images'));
  const layers = stagesOf(model)[1]!.nodes;

  test.each([1, 77, 192])('replaces exactly %i ReLUs', async (count) => {
    const statistics = await activationStatistics(model, images, 64, { threads: 1 });
    const thinned = thinOut(model, layers, count, statistics);
    expect(countRelus(model) - countRelus(thinned)).toBe(count);
    const polys = thinned.graph.nodes.map((node) =>
      node.op === 'MixedActivation'
        ? node.attributes.kinds.filter((k) => k === activationKinds.poly).length
        : 0,
    );
    expect(polys.reduce((a, b) => a + b)).toBe(count);
  });

  test('takes the elements with the smallest error first: those that never change sign', async () => {
    const statistics = await activationStatistics(model, images, 64, { threads: 1 });
    const layer = statistics.get(layers[0]!)!;
    layer.channels.mean[3] = -9; // a channel that is always stopped costs nothing
    layer.channels.sigma[3] = 0.1;
    layer.elements.mean.fill(-9, 3 * 16, 4 * 16);
    layer.elements.sigma.fill(0.1, 3 * 16, 4 * 16);
    const thinned = thinOut(model, layers, 16, statistics);
    const node = thinned.graph.nodes.find((n) => n.name === layers[0])!;
    const kinds = node.op === 'MixedActivation' ? [...node.attributes.kinds] : [];
    expect(kinds.map((kind, i) => (kind === activationKinds.poly ? Math.floor(i / 16) : -1))).toEqual(
      kinds.map((_, i) => (Math.floor(i / 16) === 3 ? 3 : -1)),
    );
  });

  test('a channel that hardly moves gets no steep parabola', async () => {
    const statistics = await activationStatistics(model, images, 64, { threads: 1 });
    const [name] = layers as [string];
    const { channels } = statistics.get(name)!;
    channels.mean[3] = 0;
    channels.sigma[3] = 1e-9;
    const size = Math.hypot(...channels.sigma) / Math.sqrt(channels.sigma.length);
    const c2 = thinOut(model, layers, 192, statistics).weights.get(`${name}.c2`)!.data;
    expect(c2[3]! * size).toBeCloseTo(1 / Math.sqrt(2 * Math.PI) / (2 * 0.05), 4);
    expect(Math.max(...c2) * size).toBeLessThan(4);
  });

  test('a channel that has polynomials keeps its coefficients', async () => {
    const statistics = await activationStatistics(model, images, 64, { threads: 1 });
    const once = thinOut(model, layers, 60, statistics);
    const doubled = new Map(
      [...statistics].map(([k, v]) => [
        k,
        { ...v, channels: { mean: v.channels.mean.map((m) => m + 5), sigma: v.channels.sigma } },
      ]),
    );
    const twice = thinOut(once, layers, 60, doubled);
    expect(countRelus(model) - countRelus(twice)).toBe(120);
    for (const layer of layers) {
      for (const channel of polyChannels(once, layer))
        expect(twice.weights.get(`${layer}.c2`)!.data[channel]).toBe(
          once.weights.get(`${layer}.c2`)!.data[channel],
        );
    }
  });

  function polyChannels(m: Model, layer: string): number[] {
    const node = m.graph.nodes.find((n) => n.name === layer)!;
    if (node.op !== 'MixedActivation') return [];
    return [...node.attributes.kinds.entries()]
      .filter(([, k]) => k === activationKinds.poly)
      .map(([i]) => Math.floor(i / 16));
  }
});

describe('resolveBudget', () => {
  const model = tinyResnet(); // 3 x 4 x 64 + 2 x 6 x 16 = 960
  test('takes a count or a share', () => {
    expect(resolveBudget(model, 100)).toBe(100);
    expect(resolveBudget(model, 0.251)).toBe(240);
    expect(resolveBudget(model, 0)).toBe(0);
  });
  test.each([-1, 1.5, NaN, Infinity])('refuses %d', (budget) => {
    expect(() => resolveBudget(model, budget)).toThrow(/expected a count of ReLUs or a share/);
  });
  test('refuses what there is no need or no way to meet', () => {
    expect(() => resolveBudget(model, 960)).toThrow(/960 ReLUs are not below the network's 960/);
    const pooled = rawModel(
      ['N', 1, 4, 4],
      [
        { op: 'Relu', inputs: ['x'], outputs: ['r'] },
        { op: 'MaxPool', inputs: ['r'], outputs: ['y'], attributes: { kernel_shape: { ints: [2, 2] } } },
      ],
    );
    expect(() => resolveBudget(readModel(pooled, 'pooled.onnx'), 5)).toThrow(
      /fewer than the 27 of its max poolings/,
    );
  });
});
