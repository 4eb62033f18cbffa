import { expect, test } from 'vitest';
import type { Dataset } from '../../../models/data/dataset.ts';
import { pixels } from '../../../models/data/dataset.ts';
import { compareArithmetic } from '../../../pipelines/fairness/arithmetic.ts';
import { seededRng } from '../../helpers/rng.ts';
import { residualNet } from '../../helpers/networks/networks.ts';

const n = 20;
const dataset: Dataset = {
  name: 'noise',
  classes: ['a', 'b', 'c', 'd', 'e'],
  shape: [3, 8, 8],
  images: seededRng('pixels').bytes(n * 192),
  labels: Uint8Array.from({ length: n }, (_, i) => i % 5),
  n,
};
const named = { name: 'net', model: residualNet(seededRng('net')) };
const calibration = { images: pixels(dataset), n };

/** losses[arithmetic][group] */
async function losses(k: number): Promise<number[][]> {
  const { groups } = await compareArithmetic(named, dataset, { calibration, k, resamples: 100 });
  return [0, 1, 2].map((row) => groups.map(({ models }) => models[row]!.crossEntropy));
}

test('fixed point is near floating point but not it; exact sign tests have no faults', async () => {
  const [float, fixed, faulty] = await losses(0);
  expect(fixed).not.toEqual(float);
  fixed!.forEach((loss, group) => expect(Math.abs(loss - float![group]!)).toBeLessThan(0.02));
  expect(faulty).toEqual(fixed);
});

test('truncated sign tests change the third row only', async () => {
  const [none, many] = [await losses(0), await losses(22)];
  expect(many[1]).toEqual(none[1]);
  expect(many[2]).not.toEqual(many[1]);
});
