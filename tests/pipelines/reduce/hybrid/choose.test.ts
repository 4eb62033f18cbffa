import { expect, test } from 'vitest';
import { choose, reluPriceIn } from '../../../../pipelines/reduce/hybrid/choose.ts';
import type { LayerOptions, ReplacementOption } from '../../../../pipelines/reduce/hybrid/choose.ts';
import { seededUniform } from '../../../../models/data/seeded.ts';

/** The smallest loss of all choices within the budget, by trying them all; Infinity where there is none. */
function bestOfAll(layers: readonly LayerOptions[], budget: number): number {
  if (layers.length === 0) return budget >= -1e-9 ? 0 : Infinity;
  const [first, ...rest] = layers as [LayerOptions, ...LayerOptions[]];
  let best = first.vanishLoss + bestOfAll(rest, budget);
  for (const option of first.replacements) {
    const { losses, price, tests } = option;
    const reluPrice = reluPriceIn(first, option);
    for (let bits = 0; bits < 2 ** losses.length; bits++) {
      const is = (e: number) => ((bits >> e) & 1) === 1;
      const loss = losses.reduce((sum, value, e) => sum + (is(e) ? value : 0), tests?.loss ?? 0);
      const cost = losses.reduce((sum, _, e) => sum + (is(e) ? price : reluPrice), first.layerPrice);
      best = Math.min(best, loss + bestOfAll(rest, budget - cost));
    }
  }
  return best;
}

function randomLayers(seed: number): LayerOptions[] {
  const uniform = seededUniform(seed);
  return Array.from({ length: 3 }, (_, l) => {
    const losses = (size: number) => Float64Array.from({ length: 4 }, () => size * uniform());
    const plain = [
      { name: 'quadratic' as const, losses: losses(1), price: 0.3 },
      { name: 'affine' as const, losses: losses(2), price: 0.1 },
    ];
    const reluPrice = 0.5 + uniform();
    const tests = { leftOut: 2, reluPrice: 0.7 * reluPrice, loss: uniform() };
    return {
      layer: `layer ${l}`,
      replacements: l === 0 ? [...plain, ...plain.map((option) => ({ ...option, tests }))] : plain,
      reluPrice,
      layerPrice: 2 * uniform(),
      vanishLoss: 8 * uniform(),
    };
  });
}

test('within the budget, never better than the best of all choices, and worse by less than an element', () => {
  let exact = 0;
  for (let seed = 0; seed < 40; seed++) {
    const layers = randomLayers(seed);
    for (const budget of [2, 4, 6]) {
      const best = bestOfAll(layers, budget);
      const found = choose(layers, budget);
      if (best === Infinity) {
        expect(found).toBeUndefined();
        continue;
      }
      expect(found!.cost).toBeLessThanOrEqual(budget);
      expect(found!.loss).toBeGreaterThanOrEqual(best - 1e-9);
      // The budget's last corner: an element in the place of another, or another structure of the layers.
      expect(found!.loss).toBeLessThan(best + 2);
      if (found!.loss < best + 1e-9) exact++;
    }
  }
  expect(exact).toBeGreaterThan(60);
});

test('what it says of cost and loss is that of the choice it gives', () => {
  const layers = randomLayers(7);
  const { layers: chosen, cost, loss } = choose(layers, 4)!;
  const totals = chosen.map((choice, l) => {
    const { layerPrice, vanishLoss, replacements } = layers[l]!;
    if (choice.kind === 'vanished') return { cost: 0, loss: vanishLoss };
    const option = replacements[choice.replacement]!;
    const { losses, price, tests } = option;
    const reluPrice = reluPriceIn(layers[l]!, option);
    const went = [...choice.replaced];
    return {
      cost: layerPrice + went.reduce((sum, gone) => sum + (gone ? price : reluPrice), 0),
      loss: went.reduce((sum, gone, e) => sum + (gone ? losses[e]! : 0), tests?.loss ?? 0),
    };
  });
  expect(totals.reduce((sum, layer) => sum + layer.cost, 0)).toBeCloseTo(cost, 9);
  expect(totals.reduce((sum, layer) => sum + layer.loss, 0)).toBeCloseTo(loss, 9);
});

test('where every ReLU costs one and nothing else costs, those of least loss go, whatever the layer', () => {
  const losses = [Float64Array.of(5, 1, Infinity, 3), Float64Array.of(4, 2, 9)];
  const layers = losses.map((own, l) => ({
    ...{ layer: `${l}`, reluPrice: 1, layerPrice: 0, vanishLoss: 100 },
    replacements: [{ name: 'quadratic' as const, losses: own, price: 0 }],
  }));
  const chosen = choose(layers, 3)!.layers.map((layer) =>
    layer.kind === 'mixed' ? [...layer.replaced] : layer,
  );
  expect(chosen).toEqual([
    [0, 1, 0, 1],
    [0, 1, 0],
  ]);
  expect(choose(layers, 6)).toMatchObject({ loss: 0 });
});

test('a layer vanishes where its round trip costs more than it is worth', () => {
  const layer = { layer: 'a', reluPrice: 0.01, layerPrice: 10, vanishLoss: 2 };
  const dear = {
    ...layer,
    replacements: [{ name: 'quadratic' as const, losses: Float64Array.of(0.1, 0.1), price: 0.005 }],
  };
  const cheap = { ...dear, layer: 'b', layerPrice: 0 };
  expect(choose([dear, cheap], 5)!.layers.map(({ kind }) => kind)).toEqual(['vanished', 'mixed']);
  expect(choose([dear, cheap], 20)!.layers.map(({ kind }) => kind)).toEqual(['mixed', 'mixed']);
  expect(choose([{ ...dear, vanishLoss: Infinity }], 5)).toBeUndefined();
});

test('sign tests get shorter before a ReLU goes where that loses less, and only as far as it must', () => {
  const losses = Float64Array.of(0.4, 0.5, 0.6);
  const plain = { name: 'affine' as const, losses, price: 0 };
  const shorter = [
    { leftOut: 1, reluPrice: 0.8, loss: 0.01 },
    { leftOut: 3, reluPrice: 0.5, loss: 0.2 },
  ];
  const replacements: ReplacementOption[] = [plain, ...shorter.map((tests) => ({ ...plain, tests }))];
  const layer = { layer: 'a', reluPrice: 1, layerPrice: 0, vanishLoss: Infinity, replacements };
  const at = (budget: number) => {
    const { layers, loss } = choose([layer], budget)!;
    const [own] = layers;
    if (own?.kind !== 'mixed') throw new Error('it cannot vanish');
    return [
      replacements[own.replacement]!.tests?.leftOut ?? 0,
      [...own.replaced].filter((one) => one).length,
      loss,
    ];
  };
  expect(at(3)).toEqual([0, 0, 0]);
  expect(at(2.5)).toEqual([1, 0, 0.01]);
  expect(at(1.5)).toEqual([3, 0, 0.2]);
  expect(at(1)).toEqual([3, 1, 0.2 + 0.4]);
});
