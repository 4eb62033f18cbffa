import { expect, test } from 'vitest';
import type { Model } from '../../../../models/graph.ts';
import { gateWeights, gatePlaces, withGates } from '../../../../pipelines/reduce/gates/gates.ts';
import { layerStates } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { cutSmallest, shrinkingAlphas } from '../../../../pipelines/reduce/snl/shrinking.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

const rows = new Uint32Array(0);
const result = { loss: 0, correct: 0, losses: new Float32Array(0), penalties: {} };
const lambdaOf = (controller: ReturnType<typeof shrinkingAlphas>) => controller.scalars!()['lambda']!;

async function gatedBy(granularity: 'pixel' | 'channel'): Promise<Model> {
  const sample = { images: new Float32Array(128).fill(0.5), n: 1, threads: 1 };
  const layers = await layerStates(tinyResnet(), { granularity, replacement: 'identity', sample });
  let value = 0;
  return withGates(tinyResnet(), layers, {}, ({ open }) =>
    Float32Array.from(open, () => (value = (value + 37) % 101) / 100),
  );
}

const alphasOf = (model: Model) =>
  gatePlaces(model).flatMap(({ layer, places }) =>
    Array.from(model.weights.get(gateWeights(layer).gate)!.data, (alpha) => ({ alpha, places })),
  );

/** The alphas above 0 by the ReLUs that they stand for. */
const openIn = (model: Model) =>
  alphasOf(model).reduce((sum, { alpha, places }) => sum + (alpha > 0 ? places : 0), 0);

/** The models that a search of 100 steps passes through whose steps do not change the alphas, by step. */
async function passed(start: Model, shrinking: Parameters<typeof shrinkingAlphas>[0]) {
  const controller = shrinkingAlphas(shrinking);
  let model = start;
  const found: { step: number; model: Model; lambda: number }[] = [];
  for (let step = 1; step <= shrinking.steps; step++) {
    controller.afterStep!(rows, result);
    const rewrite = controller.rewrite!();
    if (rewrite === undefined) continue;
    model = { ...model, weights: new Map([...model.weights, ...(await rewrite(model))]) };
    found.push({ step, model, lambda: lambdaOf(controller) });
  }
  return found;
}

test.each([160, 0])('the count falls by one factor to %d in four fifths of the search', async (budget) => {
  const models = await passed(await gatedBy('pixel'), { total: 960, budget, steps: 500 });
  const cuts = models.filter(({ step }) => step < 400);
  const counts = [960, ...cuts.map(({ model }) => openIn(model))];
  expect(cuts).toHaveLength(20);
  const factor = (Math.max(1, budget) / 960) ** (18 / 375);
  for (let i = 2; i < counts.length; i++)
    expect(Math.abs(counts[i]! - counts[i - 1]! * factor)).toBeLessThanOrEqual(1.5);
  expect(openIn(models.find(({ step }) => step === 400)!.model)).toBe(budget);
  for (const { step, lambda } of models) expect(lambda > 0).toBe(step < 400);
});

test.each(['pixel', 'channel'] as const)(
  'by %s: the largest alphas end at 1 and the others at 0',
  async (granularity) => {
    const start = await gatedBy(granularity);
    const models = await passed(start, { total: 960, budget: 160, steps: 100 });
    const alphas = alphasOf(models.at(-1)!.model);
    expect(new Set(alphas.map(({ alpha }) => alpha))).toEqual(new Set([0, 1]));
    const kept = alphas.flatMap(({ alpha, places }, i) => (alpha === 1 ? [{ i, places }] : []));
    const relus = kept.reduce((sum, { places }) => sum + places, 0);
    expect(relus).toBeLessThanOrEqual(160);
    expect(relus).toBeGreaterThan(granularity === 'pixel' ? 159 : 160 - 64);
    const before = alphasOf(start);
    const smallest = Math.min(...kept.map(({ i }) => before[i]!.alpha));
    const left = before.filter((_, i) => alphas[i]!.alpha === 0);
    expect(left.filter(({ alpha }) => alpha > smallest).length).toBe(0);
  },
);

test('one move of four takes the largest a quarter of their way to 1 and sets the others to 0', async () => {
  const start = await gatedBy('pixel');
  const alphas = alphasOf(start);
  const moved = alphasOf({ ...start, weights: new Map([...start.weights, ...cutSmallest(start, 100, 4)]) });
  const smallest = alphas.map(({ alpha }) => alpha).sort((a, b) => b - a)[99]!;
  moved.forEach(({ alpha }, i) => {
    const before = alphas[i]!.alpha;
    if (before > smallest) expect(alpha).toBeCloseTo(before + (1 - before) / 4, 6);
    if (before < smallest) expect(alpha).toBe(0);
  });
  expect(moved.filter(({ alpha }) => alpha > 0)).toHaveLength(100);
});

test('a search that was cut goes on where it was', () => {
  const options = { total: 1000, budget: 200, steps: 100 };
  const first = shrinkingAlphas(options);
  for (let i = 0; i < 30; i++) first.afterStep!(rows, result);
  const second = shrinkingAlphas(options);
  second.restore(first.state());
  for (let i = 0; i < 60; i++) {
    for (const controller of [first, second]) controller.afterStep!(rows, result);
    expect(lambdaOf(second)).toBe(lambdaOf(first));
    expect(second.rewrite!() === undefined).toBe(first.rewrite!() === undefined);
  }
  expect(second.state()).toEqual(first.state());
});
