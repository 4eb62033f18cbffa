import { InferenceSession, Tensor as OrtTensor } from '../../../../models/runtime/onnxruntime.ts';
import { expect, test } from 'vitest';
import { GraphBuilder } from '../../../../models/onnx/graph-builder.ts';
import { tensor } from '../../../../models/tensor.ts';
import { hingePenalty, openCount } from '../../../../pipelines/reduce/autorep/penalty.ts';
import { rankedGates } from '../../../../pipelines/reduce/autorep/indicators.ts';
import { autorepSteering } from '../../../../pipelines/reduce/autorep/steering.ts';
import { gatedNodes, gateWeights, withGates } from '../../../../pipelines/reduce/gates/gates.ts';
import { layerStates } from '../../../../pipelines/reduce/gates/layer-states.ts';
import { normals } from '../../../../models/architectures/init.ts';
import { tinyResnet } from '../../../helpers/networks/networks.ts';
import { seededRng } from '../../../helpers/rng.ts';

const sample = { images: normals(64 * 128, seededRng('images')), n: 64, threads: 1 };
const states = (replacement: 'quadratic' | 'affine' = 'quadratic') =>
  layerStates(tinyResnet(), { granularity: 'pixel', replacement, sample });

test('numbers behind gates are evenly spread in the order of costs; what is no ReLU has 0', () => {
  const layer = (name: string, open: readonly number[]) => ({
    layer: name,
    replacement: 'quadratic' as const,
    shape: [open.length],
    open: Uint8Array.from(open),
    polynomials: [],
    moments: new Float32Array(0),
  });
  const costs = new Map([
    ['a', Float64Array.of(3, 0.5, Infinity)],
    ['b', Float64Array.of(2, 1, 7, 9)],
  ]);
  const pixel = rankedGates([layer('a', [1, 1, 0]), layer('b', [1, 1, 1, 1])], costs);
  const at = (rank: number) => Math.fround((rank - 0.5) / 6);
  expect([...pixel.get('a')!]).toEqual([at(4), at(1), 0]);
  expect([...pixel.get('b')!]).toEqual([at(3), at(2), at(5), at(6)]);
  const channel = rankedGates([layer('b', [1, 1])], costs); // two channels of two places: 1.5 and 8
  expect([...channel.get('b')!]).toEqual([0.25, 0.75]);
});

test('the hinge: lambda times what the density is over the target, straight through to the numbers behind the gates', async () => {
  const layers = (await states()).slice(0, 2);
  const threshold = 0.1;
  const m = [0.5, -0.5, 0.05]; // open, shut, as it was: open
  const gated = withGates(tinyResnet(), layers, { threshold }, ({ open }) =>
    Float32Array.from(open, (_, i) => m[i % 3]!),
  );
  const total = 512;
  const open = 2 * (256 - 85); // 256 numbers a layer, of which each third, from the second on, is shut
  const run = async (target: number) => {
    const graph = new GraphBuilder();
    graph.input('lambda', 'float32', []);
    for (const [name, weight] of gated.weights) graph.initializer({ name, dtype: 'float32', ...weight });
    const inputs = {
      valueOf: (name: string) => name,
      scalarOf: (name: string) => (name === 'lambda' ? name : graph.scalar(target)),
    };
    const hinge = hingePenalty(gated, total).build(graph, inputs);
    graph.output(hinge.value, 'value', 'float32', []);
    graph.output(openCount(gated).build(graph, inputs).value, 'open', 'float32', []);
    const weight = gateWeights(layers[1]!.layer).gate;
    graph.output(hinge.gradients.get(weight)!, 'gradient', 'float32', layers[1]!.shape);
    const session = await InferenceSession.create(graph.encode('hinge'), { logSeverityLevel: 3 });
    const results = await session.run({ lambda: new OrtTensor('float32', Float32Array.of(3), []) });
    await session.release();
    return (name: string) => [...(results[name]!.data as Float32Array)];
  };
  const over = await run(0.5);
  expect(over('open')).toEqual([open]);
  expect(over('value')[0]).toBeCloseTo(3 * (open / total - 0.5), 5);
  over('gradient').forEach((d, i) => expect(d).toBeCloseTo((3 / total) * Math.log1p(Math.exp(m[i % 3]!)), 6));
  const under = await run(0.9);
  expect(under('value')[0]).toBeCloseTo(0, 6);
  expect(under('gradient').every((d) => d === 0)).toBe(true);
});

test('the hinge by price: the density is that of costs, and a ReLU of twice the price has twice the gradient', async () => {
  const layers = (await states()).slice(0, 2);
  const gated = withGates(tinyResnet(), layers, { threshold: 0.1 }, ({ open }) =>
    new Float32Array(open.length).fill(1),
  );
  const dear = layers[1]!.layer;
  const weightOf = (layer: string) => (layer === dear ? 1.5 : 0.75);
  const total = 256 * (1.5 + 0.75);
  const graph = new GraphBuilder();
  for (const [name, weight] of gated.weights) graph.initializer({ name, dtype: 'float32', ...weight });
  const inputs = {
    valueOf: (name: string) => name,
    scalarOf: (name: string) => graph.scalar(name === 'target' ? 0.5 : 3),
  };
  const hinge = hingePenalty(gated, total, weightOf).build(graph, inputs);
  graph.output(hinge.value, 'value', 'float32', []);
  graph.output(openCount(gated, weightOf).build(graph, inputs).value, 'open', 'float32', []);
  for (const { layer, shape } of layers)
    graph.output(hinge.gradients.get(gateWeights(layer).gate)!, layer, 'float32', shape);
  const session = await InferenceSession.create(graph.encode('hinge'), { logSeverityLevel: 3 });
  const results = await session.run({});
  await session.release();
  const of = (name: string) => [...(results[name]!.data as Float32Array)];
  expect(of('open')[0]).toBeCloseTo(total, 3);
  expect(of('value')[0]).toBeCloseTo(3 * 0.5, 5);
  for (const { layer } of layers)
    for (const d of of(layer)) expect(d).toBeCloseTo((3 * weightOf(layer) * Math.log1p(Math.E)) / total, 6);
});

const result = (open: number) => ({ loss: 0, correct: 0, losses: new Float32Array(0), penalties: { open } });
const rows = new Uint32Array(0);

test('the target falls in a line; the weight grows while too many gates are open and shrinks while too few are', () => {
  const steering = autorepSteering({ total: 1000, budget: 200, steps: 100, fits: false });
  const { lambda } = steering.scalars!() as { lambda: number };
  expect(steering.scalars!()['target']).toBe(1);
  for (let i = 0; i < 40; i++) steering.afterStep!(rows, result(1000));
  expect(steering.scalars!()['target']).toBeCloseTo(0.6, 6);
  expect(steering.scalars!()['lambda']! / lambda).toBeGreaterThan(2);
  const again = autorepSteering({ total: 1000, budget: 200, steps: 100, fits: false });
  again.restore(steering.state());
  expect(again.scalars!()).toEqual(steering.scalars!());
  for (let i = 0; i < 60; i++) steering.afterStep!(rows, result(0));
  expect(steering.scalars!()['target']).toBeCloseTo(0.2, 6);
  expect(steering.scalars!()['lambda']! / lambda).toBeLessThan(1);
});

test('polynomials are refitted to the running moments at first, and left alone later', async () => {
  const layers = await states();
  const model = withGates(tinyResnet(), layers, { threshold: 0.1 }, ({ open }) => Float32Array.from(open));
  const names = gatedNodes(model).map(({ name }) => gateWeights(name));
  const lost = names.map(({ c1 }) => [c1, tensor(model.weights.get(c1)!.shape)] as const);
  const forgotten = { ...model, weights: new Map([...model.weights, ...lost]) };
  const steering = autorepSteering({ total: 960, budget: 0, steps: 100, fits: true });
  const all = Array.from({ length: 100 }, async (_, i) => {
    steering.afterStep!(rows, result(0));
    return { step: i + 1, weights: await steering.rewrite!()?.(forgotten) };
  });
  const rewritten = (await Promise.all(all)).filter(({ weights }) => weights !== undefined);
  expect(rewritten.map(({ step }) => step)).toEqual([10, 20, 30]);
  for (const { c2, c1, c0 } of names) {
    for (const name of [c2, c1, c0]) {
      const [now, before] = [rewritten[0]!.weights!.get(name)!.data, model.weights.get(name)!.data];
      now.forEach((value, c) => expect(value).toBeCloseTo(before[c]!, 3)); // moments kept as float32
    }
  }
  const affine = autorepSteering({ total: 960, budget: 0, steps: 10, fits: false });
  for (let i = 0; i < 10; i++) affine.afterStep!(rows, result(0));
  expect(affine.rewrite!()).toBeUndefined();
});
