import { replacedElements } from '../../../../models/passes/replaced-elements.ts';
import { expect, test } from 'vitest';
import { normals } from '../../../../models/architectures/init.ts';
import { activationKinds } from '../../../../models/graph.ts';
import type { Model } from '../../../../models/graph.ts';
import { countRelus } from '../../../../models/analysis/inspect.ts';
import { Evaluator } from '../../../../models/runtime/run.ts';
import { allRelusOf, usePolynomials } from '../../../../pipelines/reduce/polynomials/replace.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';
import { seededRng } from '../../../helpers/rng.ts';

const n = 64;
const sample = { images: normals(n * 128, seededRng('images')), n, threads: 1 };
const all = [
  'stem.relu',
  'stage1.block0.relu1',
  'stage1.block0.relu2',
  'stage2.block0.relu1',
  'stage2.block0.relu2',
];
const last = 'stage2.block0.relu2'; // [6, 4, 4]

test('the chosen elements and no others become polynomials', async () => {
  const chosen = new Uint8Array(96);
  chosen.set([1, 1, 1], 36);
  const model = await usePolynomials(tinyResnet(), replacedElements([[last, chosen]]), sample);
  expect(countRelus(model)).toBe(960 - 3);
  expect([...kindsIn(model, last)]).toEqual(
    Array.from(chosen, (flag) => (flag === 1 ? activationKinds.poly : activationKinds.relu)),
  );
  const c2 = model.weights.get(`${last}.c2`)!.data;
  expect([...c2].map((c) => c !== 0)).toEqual([false, false, true, false, false, false]); // 36 to 38 lie in channel 2
});

test('no other quadratic is nearer to what the channel computed', async () => {
  const model = tinyResnet();
  const replaced = await usePolynomials(model, allRelusOf(model, [last]), sample);
  const inputs = await valuesOf(model, 'stage2.block0.add');
  const [c2, c1, c0] = ['c2', 'c1', 'c0'].map((key) => replaced.weights.get(`${last}.${key}`)!.data[2]!);
  const error = (d2: number, d1: number, d0: number) => {
    const own = inputs.filter((_, i) => Math.floor(i / 16) % 6 === 2);
    const p = (x: number) => (c2! + d2) * x * x + (c1! + d1) * x + c0! + d0;
    return own.reduce((sum, x) => sum + (Math.max(x, 0) - p(x)) ** 2, 0) / own.length;
  };
  // the ridge of 1e-3 moves coefficients below 1 by less than 0.02 where x varies
  for (const [d2, d1, d0] of [
    [0.02, 0, 0],
    [0, 0.02, 0],
    [0, 0, 0.02],
  ] as const) {
    expect(error(d2, d1, d0)).toBeGreaterThan(error(0, 0, 0));
    expect(error(-d2, -d1, -d0)).toBeGreaterThan(error(0, 0, 0));
  }
});

test('a layer is measured in the network with those before it replaced', async () => {
  const model = tinyResnet();
  const inTurn = await usePolynomials(model, allRelusOf(model, all), sample);
  const before = await usePolynomials(model, allRelusOf(model, all.slice(0, -1)), sample);
  const there = await usePolynomials(before, allRelusOf(model, [last]), sample);
  const alone = await usePolynomials(model, allRelusOf(model, [last]), sample);
  const c2 = (net: Model) => net.weights.get(`${last}.c2`)!.data;
  expect(countRelus(inTurn)).toBe(0);
  expect(c2(inTurn)).toEqual(c2(there));
  expect(c2(inTurn)).not.toEqual(c2(alone));
});

test('polynomials that are there stay polynomials', async () => {
  const halves = [0, 1].map((half) => Uint8Array.from({ length: 96 }, (_, i) => (i % 2 === half ? 1 : 0)));
  const once = await usePolynomials(tinyResnet(), replacedElements([[last, halves[0]!]]), sample);
  const twice = await usePolynomials(once, replacedElements([[last, halves[1]!]]), sample);
  expect(allRelusOf(once, [last]).get(last)).toEqual(halves[1]);
  expect(kindsIn(twice, last).every((kind) => kind === activationKinds.poly)).toBe(true);
});

function kindsIn(model: Model, layer: string): Uint8Array {
  const node = model.graph.nodes.find(({ name }) => name === layer)!;
  return node.op === 'MixedActivation' ? node.attributes.kinds : new Uint8Array();
}

async function valuesOf(model: Model, value: string): Promise<Float32Array> {
  const evaluator = await Evaluator.create(model, { outputs: [value], threads: 1 });
  const values = (await evaluator.run(sample.images, n)).get(value)!;
  await evaluator.release();
  return values;
}
