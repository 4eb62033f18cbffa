import { expect, test } from 'vitest';
import type { Model } from '../../../../models/graph.ts';
import { cut, leftAt, progressiveCuts } from '../../../../pipelines/reduce/taylor/cutting.ts';
import { gateWeights, withGates } from '../../../../pipelines/reduce/gates/gates.ts';
import { layerStates } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';

const sample = { images: new Float32Array(128).fill(0.5), n: 1, threads: 1 };
const rows = new Uint32Array(0);
const result = { loss: 0, correct: 0, losses: new Float32Array(0), penalties: {} };

async function gatedBy(granularity: 'pixel' | 'channel') {
  const layers = await layerStates(tinyResnet(), { granularity, replacement: 'identity', sample });
  const gated = withGates(tinyResnet(), layers, {}, ({ open }) => Float32Array.from(open));
  let value = 0;
  const sizes = layers.map(({ layer, shape }) => [layer, shape.reduce((a, b) => a * b, 1)] as const);
  const scores = new Map(
    sizes.map(([layer, length]) => [
      layer,
      Float64Array.from({ length }, () => (value = (value + 37) % 101)),
    ]),
  );
  return { layers, gated, scores };
}

const openIn = (model: Model, layer: string) => model.weights.get(gateWeights(layer).gate)!.data;

test('a cut keeps the elements with the highest scores of all layers, whatever their gates were', async () => {
  const { layers, gated, scores } = await gatedBy('pixel');
  const once = cut(gated, layers, scores, 100);
  const shut = { ...gated, weights: new Map([...gated.weights, ...once]) };
  const [kept, gone] = [[], []] as [number[], number[]];
  for (const { layer } of layers)
    openIn(shut, layer).forEach((open, e) => (open === 1 ? kept : gone).push(scores.get(layer)![e]!));
  expect(kept).toHaveLength(100);
  expect(Math.min(...kept)).toBeGreaterThanOrEqual(Math.max(...gone));
  const turned = new Map([...scores].map(([layer, own]) => [layer, own.map((score) => -score)]));
  const again = cut(shut, layers, turned, 860);
  for (const { layer } of layers) {
    const { gate } = gateWeights(layer);
    const back = again.get(gate)!.data.filter((open, e) => open === 1 && once.get(gate)!.data[e] === 0);
    expect(back.length).toBeGreaterThan(0);
  }
});

test('by channels a gate has the mean score of its elements, and the count is not exceeded', async () => {
  const { layers, gated, scores } = await gatedBy('channel');
  const flat = new Map([...scores].map(([layer, own], l) => [layer, own.map(() => (l === 1 ? 2 : 1))]));
  const after = cut(gated, layers, flat, 300);
  const open = layers.map(({ layer }) => after.get(gateWeights(layer).gate)!.data.filter((one) => one === 1));
  expect(open.map(({ length }) => length)).toEqual([0, 4, 0, 0, 0].slice(0, layers.length));
});

test('elements that were replaced before stay replaced', async () => {
  const { layers, gated, scores } = await gatedBy('pixel');
  const [first, ...others] = layers;
  const shutFirst = [{ ...first!, open: new Uint8Array(first!.open.length) }, ...others];
  const after = cut(gated, shutFirst, scores, 960);
  expect(after.get(gateWeights(first!.layer).gate)!.data.every((open) => open === 0)).toBe(true);
});

test('what is left falls from all to the budget like a cosine', () => {
  expect([-1, 0, 1, 2].map(leftAt)).toEqual([1, 1, 0, 0]);
  expect(leftAt(0.5 ** (2 / 3))).toBeCloseTo(0.5, 10);
});

test('cuts take the count to the budget in three fifths of the search, and go on at half the pace', async () => {
  const { layers, gated, scores } = await gatedBy('pixel');
  const controller = progressiveCuts({
    ...{ layers, total: 960, budget: 160, steps: 300 },
    scoresOf: () => Promise.resolve(scores),
  });
  const counts: [step: number, open: number][] = [];
  for (let step = 1; step <= 300; step++) {
    controller.afterStep!(rows, result);
    const weights = await controller.rewrite!()?.(gated);
    if (weights === undefined) continue;
    const open = [...weights.values()].reduce(
      (sum, { data }) => sum + data.filter((one) => one === 1).length,
      0,
    );
    counts.push([step, open]);
  }
  const before = counts.filter(([, open]) => open > 160);
  expect(before).toHaveLength(10);
  expect(counts[10]).toEqual([184, 160]);
  expect(before.every(([, open], i) => i === 0 || open < before[i - 1]![1])).toBe(true);
  expect(counts.at(-1)).toEqual([300, 160]);
  expect(counts.slice(10, -1).map(([step]) => step)).toEqual([184, 218, 252, 286]);
  const again = progressiveCuts({
    ...{ layers, total: 960, budget: 160, steps: 300 },
    scoresOf: () => Promise.resolve(scores),
  });
  again.restore(controller.state());
  expect(again.rewrite!() === undefined).toBe(controller.rewrite!() === undefined);
});
