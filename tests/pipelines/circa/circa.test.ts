import { expect, test } from 'vitest';
import { argmax } from '../../../models/tensor.ts';
import { predict } from '../../../models/runtime/run.ts';
import { circa, compare } from '../../../pipelines/circa/circa.ts';
import { searchWindows } from '../../../pipelines/circa/search.ts';
import { largestK, testedLayers, withWindows } from '../../../pipelines/plan/windows.ts';
import type { TestedLayer } from '../../../pipelines/plan/windows.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { planHash } from '../../../pipelines/plan/codec.ts';
import { activationSteps } from '../../../pipelines/plan/plan.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixedNet, piecewiseNet, residualNet } from '../../helpers/networks/networks.ts';

const layers: readonly TestedLayer[] = [
  { step: 2, node: 'a', test: 'relu', relus: 100, free: 8, bits: 24 },
  { step: 4, node: 'b', test: 'relu', relus: 300, free: 6, bits: 20 },
  { step: 6, node: 'c', test: 'relu', relus: 50, free: 10, bits: 22 },
];

/** An accuracy that falls to 0 where a layer's k passes its own limit. */
function search(limits: ReadonlyMap<number, number>) {
  return searchWindows({
    layers,
    mode: 'negPass',
    least: 0.5,
    accuracyOf: ({ k }) => Promise.resolve([...k].every(([step, bit]) => bit <= limits.get(step)!) ? 1 : 0),
  });
}

test('each layer gets its own largest k, above what the truncation drops', async () => {
  const limits = new Map([
    [2, 15],
    [4, 9],
    [6, 18],
  ]);
  const { k, mode } = await search(limits);
  expect([...k]).toEqual([...limits]);
  expect(mode).toBe('negPass');
});

test('bounds: what is free where nothing more is accepted, two bits of window where everything is', async () => {
  const none = new Map(layers.map(({ step }) => [step, 0]));
  expect([...(await search(none)).k.values()]).toEqual([8, 6, 10]);
  const all = new Map(layers.map(({ step }) => [step, 31]));
  expect([...(await search(all)).k.values()]).toEqual(layers.map(largestK));
});

test('comparisons of maxima are told from ReLUs; their bits that are left out are free', async () => {
  const model = piecewiseNet(seededRng(3));
  const images = randomImages(model, 8, seededRng('images'));
  const { plan } = await prepare(model, { calibration: { images, n: 8 } });
  const found = testedLayers(plan);
  const compared = found.filter(({ node }) => node.startsWith('max/'));
  expect(compared.length).toBe(4);
  expect(found.filter(({ test }) => test === 'comparison')).toEqual(compared);
  const specs = new Map(activationSteps(plan).map(({ id, spec }) => [id, spec.relu]));
  for (const { step, test, free } of found) {
    const { k, truncate } = specs.get(step)!;
    expect(free).toBe(test === 'comparison' ? k : truncate);
  }
  expect(compared.every(({ free }) => free > 0)).toBe(true);
});

test('answers that differ, and those that do although the exact run was sure', () => {
  const exact = Float32Array.of(9, 0, 0, 9, 0.1, 0, 5, 0);
  const faulty = Float32Array.of(1, 0, 1, 0, 0, 0.1, 6, 1);
  expect(compare(exact, faulty, 4)).toEqual({ agree: 2, differ: 2, catastrophic: 1 });
});

test('the plan takes k of each layer by the name of its node', async () => {
  const model = residualNet(seededRng(3));
  const images = randomImages(model, 8, seededRng('images'));
  const calibration = { images, n: 8 };
  const k = { 'stem.relu': 3, 'block2.relu': 11 };
  const { plan } = await prepare(model, { calibration, k });
  const free = (await prepare(model, { calibration })).plan;
  const found = new Map(activationSteps(plan).map(({ node, spec }) => [node, spec.relu.k]));
  expect(found.get('stem.relu')).toBe(3);
  expect(found.get('block2.relu')).toBe(11);
  const other = activationSteps(free).find(({ node }) => node === 'block1.relu1')!;
  expect(found.get('block1.relu1')).toBe(other.spec.relu.k);
  const steps = new Map(
    testedLayers(free).flatMap(({ step, node }) => (node in k ? [[step, k[node as keyof typeof k]]] : [])),
  );
  expect(planHash(withWindows(free, { k: steps, mode: 'posZero' }))).toBe(planHash(plan));
  await expect(prepare(model, { calibration, k: { 'stem.relu': 40 } })).rejects.toThrow(
    /from 0 to 31, got 40/,
  );
});

test('a network: the more may be lost, the fewer bits are tested and sent', async () => {
  const model = mixedNet(seededRng(3));
  const n = 64;
  const images = randomImages(model, n, seededRng('images'));
  const prepared = await prepare(model, { calibration: { images, n } });
  const float = await predict(model, images, n);
  const labels = Array.from({ length: n }, (_, i) => argmax(float.subarray(5 * i, 5 * i + 5)));
  const set = { images, labels, n };
  const works = new Set<string>();
  const report = async (toleratedFraction: number) =>
    circa(prepared, {
      toleratedFraction,
      modes: ['posZero', 'negPass'],
      search: set,
      test: set,
      rng: seededRng('circa'),
      onProgress: ({ phase, of }) => works.add(`${phase}: ${of}`),
    });
  const [strict, loose] = [await report(0.02), await report(0.4)];
  expect([...works]).toEqual([
    'simulation: exact sign tests on the search images',
    'simulation: exact sign tests on the test images',
    'sign-test-windows: posZero',
    'simulation: posZero on the test images',
    'sign-test-windows: negPass',
    'simulation: negPass on the test images',
  ]);
  expect(strict.exactAccuracy).toBeGreaterThan(0.9);
  for (const [i, { accuracy, comparison, onlineBytes, mode }] of strict.results.entries()) {
    expect(mode).toBe(i === 0 ? 'posZero' : 'negPass');
    expect(accuracy).toBeGreaterThanOrEqual(strict.exactAccuracy - 0.02 - 1e-6);
    expect(comparison.agree + comparison.differ).toBe(n);
    expect(onlineBytes).toBeLessThan(strict.exactOnlineBytes);
    expect(loose.results[i]!.onlineBytes).toBeLessThan(onlineBytes);
    expect(loose.results[i]!.comparison.differ).toBeGreaterThan(comparison.differ);
  }
});
