import { describe, expect, test } from 'vitest';
import { countRelus } from '../../../models/inspect.ts';
import { rankStages } from '../../../pipelines/deepreduce/criticality.ts';
import { chooseCulled, deepreduce } from '../../../pipelines/deepreduce/deepreduce.ts';
import { resolveBudget } from '../../../pipelines/reduction.ts';
import { tinyDataset } from '../../helpers/data.ts';
import { tinyResnet } from '../../helpers/networks.ts';
import { rawModel } from '../../helpers/onnx.ts';
import { readModel } from '../../../models/onnx/read.ts';

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

const data = { train: tinyDataset(64, 'train'), validation: tinyDataset(30, 'validation') };
const short = { ...data, epochs: 1, batch: 32, seed: 1, threads: 1 };

test('whole stages become polynomials, and of the next what is over the budget', async () => {
  const { log, relusAfter, criticality } = await deepreduce(tinyResnet(), { ...short, budget: 150 });
  expect(relusAfter).toBe(150);
  expect(log.reduce((sum, entry) => sum + entry.poly, 0)).toBe(960 - 150);
  const culled = log.filter((entry) => entry.reason.endsWith('culled whole, to polynomials'));
  const order = criticality.map(({ stage: s }) => s.relus);
  expect(culled.length).toBe(order[0] === 768 ? 3 : 2);
  expect(culled.every((entry) => entry.relus_after === 0)).toBe(true);
});

test('a budget of nothing culls every stage', async () => {
  const { log, model } = await deepreduce(tinyResnet(), { ...short, budget: 0 });
  expect(countRelus(model)).toBe(0);
  expect(log.every((entry) => entry.relus_after === 0 && entry.poly === entry.relus_before)).toBe(true);
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
