import { afterEach, expect, test } from 'vitest';
import { pixels } from '../../../models/data/dataset.ts';
import { seededUniform } from '../../../models/data/seeded.ts';
import { inferShapes } from '../../../models/analysis/shapes.ts';
import type { Model } from '../../../models/graph.ts';
import { Evaluator } from '../../../models/runtime/run.ts';
import { tensor } from '../../../models/tensor.ts';
import { TrainingEngine } from '../../../models/train/engines/onnxruntime/engine.ts';
import { adamW, sgd } from '../../../models/train/optimizers.ts';
import type { Penalty } from '../../../models/train/penalty.ts';
import { buildStep } from '../../../models/train/step.ts';
import type { StepOptions } from '../../../models/train/step.ts';
import { UsageError } from '../../../src/shared/errors.ts';
import { awayFromZero, checkGradients } from '../../helpers/networks/finite-differences.ts';
import { bars } from '../../helpers/data/data.ts';
import { barResnet } from '../../helpers/networks/networks.ts';

const data = bars(12, 3);
const batch = { images: pixels(data), labels: data.labels };
const optimizer = sgd({ momentum: 0.9, weightDecay: 0 });
const engines: TrainingEngine[] = [];

async function engineFor(model: Model, options: Partial<StepOptions> = {}): Promise<TrainingEngine> {
  const engine = await TrainingEngine.create(model, { batch: data.n, optimizer, ...options }, { threads: 1 });
  engines.push(engine);
  return engine;
}
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.release();
});

test('the gradient of a whole network equals finite differences', async () => {
  const model = barResnet();
  const wanted = ['head.fc.weight', 'stage2.block0.bn2.scale', 'stage2.block0.shortcut.conv.weight'];
  const checks = await checkGradients(model, {
    batch: 3,
    image: pixels(data, [0, 1, 2]),
    h: 2 ** -9,
    wanted,
    seed: awayFromZero(9, seededUniform(1)),
  });
  for (const { name, worst, worstNegated } of checks) {
    expect(worst, name).toBeLessThanOrEqual(1);
    expect(worstNegated, name).toBeGreaterThan(20);
  }
});

test('a step moves the running statistics by momentum towards the batch', async () => {
  const images = Float32Array.of(1, 2, 3, 6); // two images of one channel with two pixels
  const one = (value: number) => tensor([1], Float32Array.of(value));
  const weights = new Map([
    ['s', one(1)],
    ['b', one(0)],
    ['m', one(10)],
    ['v', one(4)],
  ]);
  const nodes: Model['graph']['nodes'] = [
    {
      op: 'BatchNormalization',
      name: 'bn',
      inputs: ['x', 's', 'b', 'm', 'v'],
      outputs: ['n'],
      attributes: { epsilon: 1e-5, momentum: 0.8 },
    },
    { op: 'Flatten', name: 'f', inputs: ['n'], outputs: ['y'], attributes: { axis: 1 } },
  ];
  const graph = {
    name: 'bn',
    inputs: [{ name: 'x', shape: [1, 1, 2] }],
    outputs: [{ name: 'y', shape: [2] }],
    nodes,
  };
  const engine = await engineFor({ graph, weights }, { batch: 2 });
  await engine.run({ images, labels: Uint8Array.of(0, 1) }, 0);
  const after = engine.model().weights;
  // mean 3, unbiased variance (4 + 1 + 0 + 9) / 3
  expect(after.get('m')!.data[0]).toBeCloseTo(0.8 * 10 + 0.2 * 3, 5);
  expect(after.get('v')!.data[0]).toBeCloseTo(0.8 * 4 + (0.2 * 14) / 3, 5);
  expect(after.get('s')!.data[0]).toBe(1);
});

test('only what is trainable moves, and of the rest not a bit', async () => {
  const model = barResnet();
  const engine = await engineFor(model, { trainable: (name) => name.startsWith('head.') });
  await engine.run(batch, 0.1);
  for (const [name, { data: after }] of engine.model().weights) {
    const moves = name.startsWith('head.') || /\.(mean|variance)$/.test(name);
    const same = after.every((value, i) => value === model.weights.get(name)!.data[i]);
    expect(same, name).toBe(!moves);
  }
});

test('a weight with a rate of its own goes as many times as far, at rate 0 nowhere', async () => {
  const rates: Record<string, number> = { 'head.fc.weight': 4, 'head.fc.bias': 0 };
  const moved = async (options: Partial<StepOptions>) => {
    const model = barResnet();
    const engine = await engineFor(model, options);
    await engine.run(batch, 0.01);
    const after = engine.model().weights;
    return (name: string) =>
      after.get(name)!.data.map((value, i) => value - model.weights.get(name)!.data[i]!);
  };
  const plain = await moved({});
  const rated = await moved({ rateOf: (name) => rates[name] ?? 1 });
  expect(rated('stem.conv.weight')).toEqual(plain('stem.conv.weight'));
  expect(rated('head.fc.bias').every((change) => change === 0)).toBe(true);
  const [four, one] = [rated('head.fc.weight'), plain('head.fc.weight')];
  // weights are below 2: each of the two sums is rounded by at most 2^-24
  four.forEach((change, i) => expect(Math.abs(change - 4 * one[i]!)).toBeLessThanOrEqual(5 * 2 ** -24));
});

test('a weight that is written is what the next step starts from; one that is not trained is refused', async () => {
  const engine = await engineFor(barResnet(), { trainable: (name) => name === 'head.fc.bias' });
  const bias = tensor([3], Float32Array.of(1, 2, 3));
  engine.write(new Map([['head.fc.bias', bias]]));
  expect(engine.model().weights.get('head.fc.bias')).toEqual(bias);
  await engine.run(batch, 0);
  expect(engine.model().weights.get('head.fc.bias')).toEqual(bias);
  expect(() => engine.write(new Map([['head.fc.weight', bias]]))).toThrow(RangeError);
  expect(() => engine.write(new Map([['head.fc.bias', tensor([2])]]))).toThrow(
    /a trained weight of the same size/,
  );
});

test('the model given is not changed, and what training gives has its graph', async () => {
  const model = barResnet();
  const before = model.weights.get('stem.conv.weight')!.data.slice();
  const engine = await engineFor(model);
  await engine.run(batch, 0.1);
  expect(model.weights.get('stem.conv.weight')!.data).toEqual(before);
  const trained = engine.model();
  expect(trained.graph).toBe(model.graph);
  expect([...trained.weights.keys()]).toEqual([...model.weights.keys()]);
  expect(inferShapes(trained).get(model.graph.outputs[0]!.name)).toEqual([3]);
});

test('distilling from a teacher brings its logits nearer', async () => {
  const [student, teacher] = [barResnet(1), barResnet(2)];
  const evaluator = await Evaluator.create(teacher, { threads: 1 });
  const [logits] = (await evaluator.run(batch.images, data.n)).values();
  await evaluator.release();
  const engine = await engineFor(student, { distill: { temperature: 4, weight: 1000 } });
  const losses: number[] = [];
  for (let i = 0; i < 60; i++) losses.push((await engine.run({ ...batch, teacher: logits! }, 2e-6)).loss);
  expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]!);
});

test('a network without batch normalisation learns; a weight that nothing uses stays', async () => {
  const weights = new Map([
    ['w', tensor([64, 3])],
    ['unused', tensor([2], Float32Array.of(5, 6))],
  ]);
  const nodes: Model['graph']['nodes'] = [
    { op: 'Flatten', name: 'f', inputs: ['x'], outputs: ['v'], attributes: { axis: 1 } },
    { op: 'MatMul', name: 'm', inputs: ['v', 'w'], outputs: ['y'], attributes: {} },
  ];
  const graph = {
    name: 'linear',
    inputs: [{ name: 'x', shape: [1, 8, 8] }],
    outputs: [{ name: 'y', shape: [3] }],
    nodes,
  };
  const engine = await engineFor({ graph, weights });
  const losses: number[] = [];
  for (let i = 0; i < 100; i++) losses.push((await engine.run(batch, 0.05)).loss);
  expect(losses[0]).toBeCloseTo(Math.log(3), 5); // zero weights: every class alike
  expect(losses.at(-1)).toBeLessThan(0.2);
  expect([...engine.model().weights.get('unused')!.data]).toEqual([5, 6]);
});

test('a model of which nothing is trainable is a UsageError', () => {
  const nothing = { batch: 2, optimizer, trainable: () => false };
  expect(() => buildStep(barResnet(), nothing)).toThrow(UsageError);
});

const l1: Penalty = {
  name: 'l1',
  build(graph, { valueOf, scalarOf }) {
    const weight = valueOf('head.fc.weight');
    const value = graph.op('Mul', [graph.sum(graph.op('Abs', [weight]), [0, 1], false), scalarOf('lambda')]);
    const gradient = graph.op('Mul', [graph.op('Sign', [weight]), scalarOf('lambda')]);
    return { value, gradients: new Map([['head.fc.weight', gradient]]) };
  },
};

test('a penalty is told apart from the loss, and its gradient is added for its weight alone', async () => {
  const [model, lambda, rate] = [barResnet(), 0.5, 0.125];
  const plain = sgd({ momentum: 0, weightDecay: 0 });
  const [without, with_] = [
    await engineFor(model, { optimizer: plain }),
    await engineFor(model, { optimizer: plain, scalars: ['lambda'], penalties: [l1] }),
  ];
  const alone = await without.run(batch, rate);
  const both = await with_.run({ ...batch, scalars: { lambda } }, rate);
  const before = model.weights.get('head.fc.weight')!.data;
  expect(both.loss).toBeCloseTo(alone.loss, 6);
  expect(both.penalties['l1']).toBeCloseTo(lambda * before.reduce((sum, w) => sum + Math.abs(w), 0), 5);
  const [a, b] = [without, with_].map((engine) => engine.model().weights);
  before.forEach((w, i) => {
    const moved = a!.get('head.fc.weight')!.data[i]! - b!.get('head.fc.weight')!.data[i]!;
    expect(moved).toBeCloseTo(rate * lambda * Math.sign(w), 5);
  });
  expect(b!.get('stem.conv.weight')!.data).toEqual(a!.get('stem.conv.weight')!.data);
});

test('a penalty that asks for a number the step is not given is a UsageError', () => {
  expect(() => buildStep(barResnet(), { batch: 2, optimizer, penalties: [l1] })).toThrow(
    /penalty l1: it needs the scalar 'lambda'/,
  );
});

test('images weighted evenly train as the mean does; those of weight 0 do not count', async () => {
  const n = data.n;
  const even = new Float32Array(n).fill(1 / n);
  const [mean, weighted, first] = [
    await engineFor(barResnet()),
    await engineFor(barResnet(), { sampleWeights: true }),
    await engineFor(barResnet(), { sampleWeights: true }),
  ];
  const expected = await mean.run(batch, 0.1);
  const found = await weighted.run({ ...batch, sampleWeights: even }, 0.1);
  expect(found.loss).toBeCloseTo(expected.loss, 5);
  expect([...found.losses].reduce((a, b) => a + b) / n).toBeCloseTo(expected.loss, 5);
  const [a, b] = [mean, weighted].map((engine) => engine.model().weights.get('stem.conv.weight')!.data);
  a!.forEach((value, i) => expect(b![i]).toBeCloseTo(value, 5));
  const onlyFirst = Float32Array.from(even, (_, i) => (i === 0 ? 1 : 0));
  const one = await first.run({ ...batch, sampleWeights: onlyFirst }, 0.1);
  expect(one.loss).toBeCloseTo(expected.losses[0]!, 5);
});

test.each([
  ['SGD', sgd({ momentum: 0.9, weightDecay: 0.01 })],
  ['AdamW', adamW({ weightDecay: 0.01 })],
])('%s: parameters in many parts go where they go as one', async (_name, by) => {
  const after = async (partSize: number) => {
    const engine = await engineFor(barResnet(), { optimizer: by, partSize });
    for (let i = 0; i < 3; i++) await engine.run(batch, 0.05);
    return engine.model().weights;
  };
  const [one, many] = [await after(2 ** 20), await after(40)];
  expect(many).toEqual(one);
  const step = buildStep(barResnet(), { batch: 2, optimizer: by, partSize: 40 });
  expect(step.vectors['parameters']!.length).toBeGreaterThan(5);
});

test('a state in parts is restored', async () => {
  const engine = await engineFor(barResnet(), { partSize: 40 });
  const before = engine.state();
  await engine.run(batch, 0.05);
  const once = engine.state();
  await engine.run(batch, 0.05);
  expect(engine.state()).not.toEqual(once);
  engine.restore(before);
  await engine.run(batch, 0.05);
  expect(engine.state()).toEqual(once);
});

test('a step cuts weights to their bounds, and others not', async () => {
  const wide = { learningRate: 100, bounded: 'head.fc.weight' };
  const engine = await engineFor(barResnet(), {
    boundsOf: (name) => (name === wide.bounded ? [-0.125, 0.25] : undefined),
  });
  const free = await engineFor(barResnet());
  for (const own of [engine, free]) await own.run(batch, wide.learningRate);
  const [cut, whole] = [engine.model().weights, free.model().weights];
  const expected = whole.get(wide.bounded)!.data.map((value) => Math.max(-0.125, Math.min(0.25, value)));
  expect(cut.get(wide.bounded)!.data).toEqual(expected);
  expect(expected).not.toEqual(whole.get(wide.bounded)!.data);
  for (const [name, { data }] of whole) if (name !== wide.bounded) expect(cut.get(name)!.data).toEqual(data);
});
