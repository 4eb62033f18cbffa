import { expect, test } from 'vitest';
import { NetworkBuilder } from '../../../models/architectures/builder.ts';
import { normals } from '../../../models/architectures/init.ts';
import { activationKinds } from '../../../models/graph.ts';
import type { Model, Node } from '../../../models/graph.ts';
import { inferShapes } from '../../../models/analysis/shapes.ts';
import { readModel } from '../../../models/files/read.ts';
import { writeModel } from '../../../models/files/write.ts';
import { predict } from '../../../models/runtime/run.ts';
import { tensor } from '../../../models/tensor.ts';
import type { Tensor } from '../../../models/tensor.ts';
import { compile, publicPart } from '../../../pipelines/compile/compile.ts';
import { quantise } from '../../../pipelines/compile/quantise.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import type { CompileOptions } from '../../../pipelines/compile/options.ts';
import { planHash } from '../../../pipelines/plan/codec.ts';
import { activationSteps, wireOf } from '../../../pipelines/plan/plan.ts';
import { logitErrorBound } from '../../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../../pipelines/simulate/simulate.ts';
import { PlanError } from '../../../src/shared/errors.ts';
import { seededRng } from '../../helpers/rng.ts';
import { randomImages } from '../../helpers/data/data.ts';
import { mixed, mixedNet, residualNet } from '../../helpers/networks/networks.ts';

/** A model of given nodes on an input [4, 6, 6]; the output is that of the last node. */
function modelOf(nodes: readonly Node[], weights: ReadonlyMap<string, Tensor> = new Map()): Model {
  const inputs = [{ name: 'image', shape: [4, 6, 6] }];
  const graph = { name: 'test', inputs, outputs: [], nodes };
  const name = nodes.at(-1)!.outputs[0]!;
  const shape = inferShapes({ graph, weights }).get(name)!;
  return { graph: { ...graph, outputs: [{ name, shape }] }, weights };
}

function node<K extends Node['op']>(
  op: K,
  name: string,
  inputs: readonly string[],
  attributes: Extract<Node, { op: K }>['attributes'],
): Node {
  return { op, name, inputs, outputs: [name], attributes } as unknown as Node;
}

const pool = {
  kernel: [3, 3],
  strides: [1, 1],
  pads: [1, 1, 1, 1],
  dilations: [1, 1],
  ceilMode: false,
} as const;
const conv = { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;

async function simulated(model: Model, options: Partial<CompileOptions> = {}) {
  const n = 12;
  const images = randomImages(model, n, seededRng('images'));
  const prepared = await prepare(model, { calibration: { images, n }, ...options });
  const float = await predict(model, images, n);
  const integer = await simulate(prepared.plan, prepared.weights, images, n, seededRng('shares'));
  const error = float.reduce((worst, y, i) => Math.max(worst, Math.abs(y - integer[i]!)), 0);
  return { prepared, error, bound: logitErrorBound(prepared), images };
}

/**
 * Every op that lowers, in one graph: grouped and dilated convolutions, lone BatchNormalization, 3 x 3
 * averages, constants.
 */
function everyOp(): Model {
  const rng = seededRng('weights');
  const random = (...shape: number[]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return tensor(
      shape,
      normals(size, rng).map((g) => g / 2),
    );
  };
  const positive = (n: number) => tensor([n], new Float32Array(n).fill(1.5));
  const weights = new Map<string, Tensor>([
    ['w1', random(4, 2, 3, 3)],
    ['b1', random(4)],
    ['w2', random(4, 1, 3, 3)],
    ['scale', random(4)],
    ['shift', random(4)],
    ['mean', random(4)],
    ['variance', positive(4)],
    ['constant', random(4, 1, 1)],
    ['matrix', random(8, 6)],
    ['gemm', random(6, 3)],
    ['gemm.bias', random(3)],
  ]);
  return modelOf(
    [
      node('Conv', 'grouped', ['image', 'w1', 'b1'], { ...conv, group: 2 }),
      node('Relu', 'relu1', ['grouped'], {}),
      node('Conv', 'depthwise', ['relu1', 'w2'], {
        ...conv,
        group: 4,
        dilations: [2, 2],
        pads: [2, 2, 2, 2],
      }),
      node('AveragePool', 'average', ['relu1'], { ...pool, countIncludePad: true }),
      node('Add', 'sum', ['depthwise', 'average'], {}),
      node('BatchNormalization', 'bn', ['sum', 'scale', 'shift', 'mean', 'variance'], {
        epsilon: 1e-5,
        momentum: 0.9,
      }),
      node('Add', 'plus', ['constant', 'bn'], {}),
      node('Identity', 'same', ['plus'], {}),
      node('Relu', 'relu2', ['same'], {}),
      node('Concat', 'joined', ['relu2', 'average'], { axis: 1 }),
      node('GlobalAveragePool', 'global', ['joined'], {}),
      node('Reshape', 'flat', ['global'], { shape: [-1] }),
      node('MatMul', 'product', ['flat', 'matrix'], {}),
      node('Relu', 'relu3', ['product'], {}),
      node('Gemm', 'logits', ['relu3', 'gemm', 'gemm.bias'], {
        alpha: 0.5,
        beta: 2,
        transA: false,
        transB: false,
      }),
    ],
    weights,
  );
}

test('every op that lowers computes what the float model does, within the derived bound', async () => {
  const { prepared, error, bound } = await simulated(everyOp());
  const kinds = new Set(prepared.plan.steps.map((step) => step.kind));
  expect([...kinds].sort()).toEqual(['activation', 'add', 'bias', 'concat', 'linear', 'reshape', 'sumPool']);
  expect(error).toBeLessThan(bound.likely);
  expect(bound.likely).toBeLessThan(1);
});

test('an average over 9 elements meets a convolution: the branch is brought to its scale by a multiplier', async () => {
  const { prepared } = await simulated(everyOp());
  const rescaled = prepared.plan.steps.filter((step) => step.node === 'sum/rescale');
  expect(rescaled).toHaveLength(1);
  const [step] = rescaled;
  expect(step?.kind === 'activation' && step.spec.affine.multiplier[0]).toBeGreaterThan(2 ** 6);
});

test('a layer whose ReLUs are all dropped costs no round where its scale fits, and a truncation where not', async () => {
  const model = residualNet(seededRng(5));
  const dropped = mixed(model, 'block1.relu1', seededRng(6), [activationKinds.identity]);
  const [before, after] = [await simulated(model), await simulated(dropped)];
  const nodes = (of: typeof before) => activationSteps(of.prepared.plan).map((step) => step.node);
  expect(nodes(before)).toContain('block1.relu1');
  expect(nodes(after)).not.toContain('block1.relu1');
  expect(nodes(after)).toContain('block1.conv2/truncate');
  const coarse = await simulated(dropped, { precision: 7, weightBits: 6 });
  expect(nodes(coarse)).not.toContain('block1.conv2/truncate');
});

test('the plan depends on the graph, the ranges and the largest weights alone', async () => {
  const model = residualNet(seededRng(5));
  const { prepared } = await simulated(model);
  const negated = new Map(
    [...model.weights].map(([name, { shape, data }]) => [
      name,
      tensor(
        shape,
        data.map((w) => -w),
      ),
    ]),
  );
  const other = compile(model.graph, prepared.ranges, publicPart({ ...model, weights: negated }));
  expect(planHash(other)).toBe(planHash(prepared.plan));
  negated.get('stem.weight')!.data[0] = 100;
  const larger = compile(model.graph, prepared.ranges, publicPart({ ...model, weights: negated }));
  expect(planHash(larger)).not.toBe(planHash(prepared.plan));
});

test('every activation input stays below 2^29 and in the window, guard bits free, on the calibration images', async () => {
  const { prepared } = await simulated(mixedNet(seededRng(5)), { guardBits: 2 });
  for (const step of activationSteps(prepared.plan)) {
    expect(wireOf(prepared.plan, step.inputs[0]!).bits).toBeLessThanOrEqual(29);
    expect(step.spec.relu.bits).toBeLessThanOrEqual(29);
  }
});

test.each<[string, () => Model, RegExp]>([
  [
    'Sigmoid',
    () => modelOf([node('Sigmoid', 'squash', ['image'], {})]),
    /^node squash \(Sigmoid\) cannot run privately: .*; replace it/,
  ],
  [
    'Add with broadcasting',
    () =>
      modelOf([node('GlobalAveragePool', 'mean', ['image'], {}), node('Add', 'sum', ['image', 'mean'], {})]),
    /^node sum \(Add\) .*different shapes/,
  ],
])('refused by name, with the reason and what to do: %s', async (_name, build, expected) => {
  await expect(simulated(build())).rejects.toThrow(expected);
  await expect(simulated(build())).rejects.toThrow(PlanError);
});

test('a layer without room in the ring is refused with the bits that are missing', async () => {
  const net = new NetworkBuilder('large', [2, 4, 4], seededRng(1));
  const a = net.conv('first', net.input, { inChannels: 2, channels: 2, kernel: 3, stride: 1 });
  const model = net.build(net.relu('relu', a));
  const weight = model.weights.get('first.weight')!;
  weight.data[0] = 0.001;
  weight.data[1] = 5000;
  const images = randomImages(model, 4, seededRng(2)).map((x) => 100 * x);
  await expect(
    prepare(model, { calibration: { images, n: 4 }, precision: 16, guardBits: 4 }),
  ).rejects.toThrow(/^node first \(Conv\) cannot run privately: \d+ bits are missing in the 32-bit ring/);
});

test('a layer too wide for its weights to be hidden takes fewer bits a weight; one too large to pack is refused by name', async () => {
  const net = new NetworkBuilder('wide', [1024, 4, 4], seededRng(1));
  const wide = net.build(
    net.conv('wide', net.input, { inChannels: 1024, channels: 4, kernel: 3, stride: 1 }),
  );
  const { prepared, error, bound } = await simulated(wide, { weightBits: 14, precision: 8 });
  const [step] = prepared.plan.steps;
  expect(step?.kind === 'linear' && step.spec.weightBits).toBeLessThan(14);
  expect(error).toBeLessThan(bound.likely);
  const images = new Float32Array(2 * 70 * 70).fill(1);
  const huge = new NetworkBuilder('huge', [1, 70, 70], seededRng(1));
  const model = huge.build(
    huge.conv('huge', huge.input, { inChannels: 1, channels: 1, kernel: 69, stride: 1 }),
  );
  await expect(prepare(model, { calibration: { images, n: 2 } })).rejects.toThrow(
    /^node huge \(Conv\) cannot run privately: .*more pixels than a ciphertext/,
  );
});

test('sign tests leave out what the file asks for, as long as k is free, and keep two bits', async () => {
  const model = residualNet(seededRng(5));
  const [first, second] = model.graph.nodes.filter(({ op }) => op === 'Relu').map(({ name }) => name);
  const leftOut = { [first!]: 3, [second!]: 16, 'not there': 2 };
  const file = writeModel({ ...model, graph: { ...model.graph, leftOut } });
  const asked = readModel(file, 'asked.onnx');
  const windowsOf = async (of: Model, options: Partial<CompileOptions> = {}) => {
    const { plan } = (await simulated(of, options)).prepared;
    return new Map(activationSteps(plan).map(({ node, spec }) => [node, spec.relu]));
  };
  const [plain, own] = [await windowsOf(model), await windowsOf(asked)];
  expect(own.get(first!)).toEqual({ ...plain.get(first!)!, k: plain.get(first!)!.k + 3 });
  expect(own.get(second!)!.k).toBe(plain.get(second!)!.bits - 2);
  for (const [name, relu] of own) if (!(name in leftOut)) expect(relu).toEqual(plain.get(name));
  expect([...(await windowsOf(asked, { k: 0 })).values()].every(({ k }) => k === 0)).toBe(true);
  expect(await windowsOf(asked, { leftOut: {} })).toEqual(plain);
});

test('options out of range are refused', async () => {
  const model = residualNet(seededRng(5));
  await expect(simulated(model, { precision: 40 })).rejects.toThrow(
    'precision: expected an integer from 4 to 20',
  );
  await expect(simulated(model, { k: -1 })).rejects.toThrow('sign test window');
  await expect(simulated(model, { leftOut: { stem: -1 } })).rejects.toThrow('sign test window');
});

test('calibration images that are not finite are refused', async () => {
  const model = residualNet(seededRng(5));
  const images = randomImages(model, 2, seededRng(2));
  images[7] = Infinity;
  await expect(prepare(model, { calibration: { images, n: 2 } })).rejects.toThrow('image is not finite');
});

test("weights that are larger than their plan's are refused", async () => {
  const network = residualNet(seededRng('larger'));
  const images = randomImages(network, 4, seededRng('images'));
  const { plan, model } = await prepare(network, { calibration: { images, n: 4 } });
  const name = [...model.weights.keys()].find((weight) => model.weights.get(weight)!.shape.length === 4)!;
  const { shape, data } = model.weights.get(name)!;
  const one = data.slice();
  one[one.length - 1] = 100;
  const larger = { ...model, weights: new Map(model.weights).set(name, tensor(shape, one)) };
  expect(() => quantise(larger, plan)).toThrow(/a weight is larger than the plan's \d+ bits/);
});
