import { expect, test } from 'vitest';
import type { Model } from '../../../models/graph.ts';
import { curvatureReport } from '../../../pipelines/fairness/curvature.ts';
import { bars } from '../../helpers/data/data.ts';
import { barResnet } from '../../helpers/networks/networks.ts';

const data = bars(30, 4);
const model = barResnet();

/** The head's weights `factor` times larger. */
function scaled(factor: number): Model {
  const weight = model.weights.get('head.fc.weight')!;
  const larger = { ...weight, data: weight.data.map((value) => factor * value) };
  return { ...model, weights: new Map([...model.weights, ['head.fc.weight', larger]]) };
}

test('a model against itself: same gradients and eigenvalues, no distance, no growth, no bound', async () => {
  const both = [
    { name: 'a', model },
    { name: 'b', model },
  ];
  const { groups, models } = await curvatureReport(both, data, { images: 8 });
  expect(models[0]!.distance).toBe(0);
  expect(groups.map(({ n }) => n)).toEqual([8, 8, 8]);
  for (const { models: rows } of groups) {
    const [a, b] = rows;
    expect(b).toEqual({ ...a, model: 'b', bound: 0, lossGrowth: 0 });
    expect(a!.gradientNorm).toBeGreaterThan(0);
    expect(a!.eigenvalue).toBeGreaterThan(0);
  }
});

test('a small move of the weights: its distance, and losses that grow by no more than the bound', async () => {
  const pair = [
    { name: 'before', model },
    { name: 'after', model: scaled(1.05) },
  ];
  const { groups, models } = await curvatureReport(pair, data);
  const weight = model.weights.get('head.fc.weight')!.data;
  const expected = 0.05 * Math.hypot(...weight);
  expect(models[0]!.distance).toBeCloseTo(expected, 5);
  for (const { models: rows } of groups) {
    expect(rows[1]!.lossGrowth).not.toBe(0);
    expect(rows[1]!.lossGrowth).toBeLessThanOrEqual(rows[1]!.bound);
  }
});
