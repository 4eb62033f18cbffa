import { replacedElements } from '../../../../models/passes/replaced-elements.ts';
import { describe, expect, test } from 'vitest';
import { normals } from '../../../../models/architectures/init.ts';
import { replacements } from '../../../../models/graph.ts';
import { stagesOf } from '../../../../models/analysis/inspect.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { activationMoments } from '../../../../pipelines/reduce/polynomials/moments.ts';
import {
  cheapest,
  elementCosts,
  meanDivergence,
} from '../../../../pipelines/reduce/polynomials/element-losses.ts';
import {
  allRelusOf,
  usePolynomials,
  withPolynomials,
} from '../../../../pipelines/reduce/polynomials/replace.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';
import { seededRng } from '../../../helpers/rng.ts';

const n = 64;
const sample = { images: normals(n * 128, seededRng('images')), n, threads: 1 };

describe('elementCosts', () => {
  const model = tinyResnet();
  const layers = stagesOf(model)[1]!.nodes;

  test.each(replacements)('%s: costs add up to what replacing a whole layer does', async (replacement) => {
    const costs = await elementCosts(model, layers, sample, replacement);
    expect([...costs.keys()]).toEqual(layers);
    const before = await predict(model, sample.images, n, { threads: 1 });
    for (const [layer, own] of costs) {
      const moments = (await activationMoments(model, [layer], sample)).get(layer)!;
      const relus = allRelusOf(model, [layer]).get(layer)!;
      const replaced = withPolynomials(model, layer, relus, moments, replacement);
      const after = await predict(replaced, sample.images, n, { threads: 1 });
      const total = own.reduce((a, b) => a + b);
      expect(total / meanDivergence(before, after, 3)).toBeCloseTo(1, 9);
      expect(Math.min(...own)).toBeGreaterThanOrEqual(0);
    }
  });

  test('what is a polynomial already can not be chosen again', async () => {
    const [layer] = layers as [string];
    const chosen = new Uint8Array(96);
    chosen[5] = 1;
    const once = await usePolynomials(model, replacedElements([[layer, chosen]]), sample);
    const costs = (await elementCosts(once, [layer], sample)).get(layer)!;
    expect([...costs].map((cost) => cost === Infinity)).toEqual([...chosen].map((flag) => flag === 1));
  });
});

test('a layer without ReLUs has no costs', async () => {
  const layers = ['stage2.block0.relu1', 'stage2.block0.relu2'] as const;
  const model = tinyResnet();
  const once = await usePolynomials(model, allRelusOf(model, [layers[0]]), sample);
  expect([...(await elementCosts(once, layers, sample)).keys()]).toEqual([layers[1]]);
});

describe('cheapest', () => {
  const costs = new Map([
    ['a', Float64Array.of(3, 1, Infinity)],
    ['b', Float64Array.of(0, 1)],
  ]);
  const chosen = (count: number) => [...cheapest(costs, count)].map(([layer, flags]) => [layer, ...flags]);
  test.each([
    [0, ['a', 0, 0, 0], ['b', 0, 0]],
    [1, ['a', 0, 0, 0], ['b', 1, 0]],
    [2, ['a', 0, 1, 0], ['b', 1, 0]], // of equals the earlier
    [4, ['a', 1, 1, 0], ['b', 1, 1]],
  ])('%i', (count, ...wanted) => {
    expect(chosen(count)).toEqual(wanted);
  });
  test('refuses to take more than there are', () => {
    expect(() => chosen(5)).toThrow(/expected at most 4 ReLUs to replace, got 5/);
  });
});

describe('meanDivergence, at temperature 4', () => {
  test('by hand: KL((1/2, 1/2) || (3/4, 1/4)) = ln(4/3) / 2 for one of two images', () => {
    const a = Float32Array.of(1, 1, 0, 8);
    const b = Float32Array.of(4 * Math.log(3), 0, 0, 8);
    expect(meanDivergence(a, b, 2)).toBeCloseTo(Math.log(4 / 3) / 2 / 2, 7);
  });
  test('does not overflow', () => {
    expect(meanDivergence(Float32Array.of(9000, 0), Float32Array.of(9000, 0), 2)).toBe(0);
  });
});
