import { expect, test } from 'vitest';
import { tensor } from '../../../../models/tensor.ts';
import type { Model } from '../../../../models/graph.ts';
import { gateWeights, gatePlaces, withGates } from '../../../../pipelines/reduce/gates/gates.ts';
import { layerStates } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { polarised, shrinkingAlphas } from '../../../../pipelines/reduce/snl/shrinking.ts';
import { tinyResnet } from '../../../helpers/networks.ts';

const rows = new Uint32Array(0);
const result = (above: number) => ({
  loss: 0,
  correct: 0,
  losses: new Float32Array(0),
  penalties: { above },
});
const options = { total: 1000, budget: 200, steps: 100 };
const lambdaOf = (controller: ReturnType<typeof shrinkingAlphas>) => controller.scalars!()['lambda']!;

test('the weight grows while more alphas than the target are above the threshold and shrinks while fewer are', () => {
  const controller = shrinkingAlphas(options);
  const first = lambdaOf(controller);
  for (let i = 0; i < 40; i++) controller.afterStep!(rows, result(1000));
  const late = lambdaOf(controller);
  expect(late / first).toBeCloseTo(1e4 ** 0.39, -1); // in the first step 1,000 is the target
  for (let i = 0; i < 10; i++) controller.afterStep!(rows, result(300)); // the target falls from 467 to 333
  expect(late / lambdaOf(controller)).toBeCloseTo(1e4 ** 0.1, 3);
  expect(controller.rewrite!()).toBeUndefined();
});

test('shrinking stops in the step in which no more than the budget are left, or after three fifths of the search', () => {
  const controller = shrinkingAlphas(options);
  for (let i = 0; i < 49; i++) controller.afterStep!(rows, result(201));
  expect(lambdaOf(controller)).toBeGreaterThan(0);
  controller.afterStep!(rows, result(200));
  expect(lambdaOf(controller)).toBe(0);
  controller.afterStep!(rows, result(900)); // it does not begin again
  expect(lambdaOf(controller)).toBe(0);
  const late = shrinkingAlphas(options);
  for (let i = 0; i < 59; i++) late.afterStep!(rows, result(900));
  expect(lambdaOf(late)).toBeGreaterThan(0);
  late.afterStep!(rows, result(900));
  expect(lambdaOf(late)).toBe(0);
});

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

test.each(['pixel', 'channel'] as const)(
  'by %s: what is left of the search takes the largest alphas to 1 and the others to 0, ten times a part of the way',
  async (granularity) => {
    const start = await gatedBy(granularity);
    const controller = shrinkingAlphas({ total: 960, budget: 160, steps: 100 });
    let model = start;
    let moves = 0;
    for (let step = 1; step <= 100; step++) {
      controller.afterStep!(rows, result(step === 60 ? 160 : 900));
      const rewrite = controller.rewrite!();
      if (rewrite === undefined) continue;
      model = { ...model, weights: new Map([...model.weights, ...(await rewrite(model))]) };
      moves++;
    }
    expect(moves).toBe(11); // in steps 60, 64, ... 100
    const alphas = alphasOf(model);
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

test('one move of four goes a quarter of the way', async () => {
  const start = await gatedBy('pixel');
  const moved = polarised(start, 0, 4);
  for (const { layer } of gatePlaces(start)) {
    const { gate } = gateWeights(layer);
    const before = start.weights.get(gate)!;
    expect(moved.get(gate)).toEqual(
      tensor(
        before.shape,
        before.data.map((alpha) => 0.75 * alpha),
      ),
    );
  }
});

test('a search that was cut goes on with the same weight and end', () => {
  const first = shrinkingAlphas(options);
  for (let i = 0; i < 30; i++) first.afterStep!(rows, result(900));
  const second = shrinkingAlphas(options);
  second.restore(first.state());
  expect(lambdaOf(second)).toBe(lambdaOf(first));
  for (const controller of [first, second])
    for (let i = 0; i < 30; i++) controller.afterStep!(rows, result(i < 20 ? 900 : 100));
  expect(second.state()).toEqual(first.state());
  const third = shrinkingAlphas(options);
  third.restore(first.state());
  expect([lambdaOf(third), third.rewrite!() === undefined]).toEqual([0, first.rewrite!() === undefined]);
});
