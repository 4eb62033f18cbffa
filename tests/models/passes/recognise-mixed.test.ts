import { describe, expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { readModel } from '../../../models/files/read.ts';
import { writeModel } from '../../../models/files/write.ts';
import { activationKinds } from '../../../models/graph.ts';
import type { Model, NodeOf } from '../../../models/graph.ts';
import type { RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import { predict } from '../../../models/runtime/run.ts';
import { sizeOf } from '../../../models/tensor.ts';
import type { Shape } from '../../../models/tensor.ts';
import { prepare } from '../../../pipelines/compile/served-plan.ts';
import { countByKind } from '../../../src/shared/kinds.ts';
import { maximumDifference } from '../../helpers/differences.ts';
import { scalar } from '../../helpers/networks/exported.ts';
import { floats, ints, rawModel, runFile } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

const shape = [4, 6, 6];
const n = 3;

/** A graph from x to y: each string names an op, its inputs and its output, as in 'Mul x x y'. */
type Case = { readonly graph: readonly string[]; readonly weights?: readonly RawTensor[] };

function nodesOf(graph: readonly string[]): RawNode[] {
  return graph.map((line) => {
    const [op, ...names] = line.split(' ') as [string, ...string[]];
    return { op, inputs: names.slice(0, -1), outputs: [names.at(-1)!] };
  });
}

function mask(name: string, of: Shape, seed = 'mask'): RawTensor {
  const data = Float32Array.from(seededRng(seed).bytes(sizeOf(of)), (v) => v % 2);
  return { name, dtype: 'float32', shape: of, data };
}

/** 1 - m. */
function otherMask(name: string, of: Shape, seed = 'mask'): RawTensor {
  const { data, ...rest } = mask(name, of, seed);
  return { ...rest, data: Float32Array.from(data as Float32Array, (v) => 1 - v) } as RawTensor;
}

/** Numbers of a size below 2. */
function small(name: string, of: Shape): RawTensor {
  const made = floats(name, of);
  return { ...made, data: made.data.map((v) => 2 * Math.tanh(v)) };
}

/**
 * Compares our model of the file with onnxruntime on the file. Constants are below 2, so with |x| <= X no
 * intermediate result of the cases exceeds 4 (X + 2)^2. Both sides round at most 10 of them, by 2^-24 of it.
 */
async function expectEqual(model: Model, bytes: Uint8Array): Promise<void> {
  const x = normals(n * sizeOf(shape), seededRng('x'));
  const largest = x.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const { data } = await runFile(bytes, x, [n, ...shape]);
  const y = await predict(model, x, n, { threads: 1 });
  expect(maximumDifference(y, data)).toBeLessThanOrEqual(2 * 10 * 2 ** -24 * 4 * (largest + 2) ** 2);
}

async function expectRead({ graph, weights = [] }: Case, ops: readonly string[]): Promise<Model> {
  const bytes = rawModel(['N', ...shape], nodesOf(graph), weights);
  const model = readModel(bytes, 'case.onnx');
  expect(model.graph.nodes.map((node) => node.op)).toEqual(ops);
  await expectEqual(model, bytes);
  const written = writeModel(model);
  const again = readModel(written, 'again.onnx');
  expect(again.graph).toEqual(model.graph);
  expect([...again.weights].sort()).toEqual([...model.weights].sort());
  await expectEqual(again, written);
  return model;
}

function kindsOf(model: Model) {
  const node = model.graph.nodes.find((each) => each.op === 'MixedActivation') as NodeOf<'MixedActivation'>;
  return countByKind(activationKinds, node.attributes.kinds);
}

describe('a square or polynomial is read as one node', () => {
  const perChannel = [small('a', [1, 4, 1, 1]), small('b', [4, 1, 1]), small('c', [1, 4, 1, 1])];
  const scalars = [scalar('a', 0.3), scalar('b', -1.5), scalar('c', 0.25)];
  const two = scalar('two', 2);
  const power = ['Pow x two p', 'Mul p a q', 'Mul b x l', 'Add q l s', 'Add c s y'];
  test.each<[string, Case]>([
    ['x x', { graph: ['Mul x x y'] }],
    ['Pow(x, 2)', { graph: ['Pow x two y'], weights: [two] }],
    ['Pow(x, 2) with an integer', { graph: ['Pow x two y'], weights: [ints('two', [2], [])] }],
    ['a x^2 + b x + c with numbers', { graph: power, weights: [two, ...scalars] }],
    ['a x^2 + b x + c per channel', { graph: power, weights: [two, ...perChannel] }],
    [
      '(a x + b) x + c, as Horner',
      { graph: ['Mul a x u', 'Add b u v', 'Mul v x w', 'Add w c y'], weights: perChannel },
    ],
    [
      'a x x, with x last',
      { graph: ['Mul a x u', 'Mul u x v', 'Sub v b w', 'Sub w c y'], weights: perChannel },
    ],
    ['c - x^2', { graph: ['Mul x x u', 'Sub c u y'], weights: perChannel.slice(2) }],
    ['-x^2 + x', { graph: ['Mul x x u', 'Neg u v', 'Add x v y'] }],
    ['x^2 / 2 - x', { graph: ['Mul x x u', 'Div u two v', 'Sub v x y'], weights: [two] }],
    ['constants equal within each channel', { graph: power, weights: [two, ...whole(perChannel)] }],
  ])('%s', async (_name, made) => {
    const model = await expectRead(made, ['MixedActivation']);
    expect(kindsOf(model)).toEqual({ identity: 0, relu: 0, poly: 144 });
  });

  test('of x^2 and a constant per place the square is read', async () => {
    await expectRead({ graph: ['Mul x x u', 'Add u c y'], weights: [small('c', shape)] }, [
      'MixedActivation',
      'Add',
    ]);
  });
  test('(x - b)^2 a is a shift, which the layer before takes up, and a square', async () => {
    const graph = ['Sub x b u', 'Mul u u v', 'Mul a v y'];
    await expectRead({ graph, weights: perChannel.slice(0, 2) }, ['Add', 'MixedActivation']);
  });
});

/** The same constants with an element for every place. */
function whole(weights: readonly RawTensor[]): RawTensor[] {
  return weights.map(({ name, data }) => {
    const values = Float32Array.from({ length: 144 }, (_, i) => Number(data[Math.floor(i / 36)]));
    return { name, dtype: 'float32', shape: [1, 4, 6, 6], data: values };
  });
}

describe('masked ReLUs are read as one node', () => {
  const lines = ['Relu x r', 'Mul m r kept', 'Mul k x dropped', 'Add kept dropped y'];
  const twoMasks = (of: Shape) => [mask('m', of), otherMask('k', of)];
  test.each<[string, Shape]>([
    ['[C, H, W]', [4, 6, 6]],
    ['[1, C, H, W]', [1, 4, 6, 6]],
    ['[C, 1, 1]', [4, 1, 1]],
    ['[1, C, 1, 1]', [1, 4, 1, 1]],
    ['[H, W]', [6, 6]],
    ['[W]', [6]],
    ['[C, 1, W]', [4, 1, 6]],
    ['[1, 1, H, 1]', [1, 1, 6, 1]],
  ])('m relu(x) + (1 - m) x with a mask of shape %s', async (_name, of) => {
    const model = await expectRead({ graph: lines, weights: twoMasks(of) }, ['MixedActivation']);
    const ones = mask('m', of).data as Float32Array;
    const relu = ones.reduce((count, v) => count + v, 0) * (144 / ones.length);
    expect(relu).toBeGreaterThan(0);
    expect(kindsOf(model)).toEqual({ identity: 144 - relu, relu, poly: 0 });
  });

  const one = scalar('one', 1);
  const m = mask('m', shape);
  test.each<[string, Case]>([
    ['1 - m in the file', { graph: ['Sub one m k', ...lines], weights: [one, m] }],
    ['x + m (relu(x) - x)', { graph: ['Relu x r', 'Sub r x d', 'Mul d m e', 'Add e x y'], weights: [m] }],
    ['x - (x - relu(x)) m', { graph: ['Relu x r', 'Sub x r d', 'Mul d m e', 'Sub x e y'], weights: [m] }],
    [
      'an Identity between',
      { graph: ['Relu x i', 'Identity i r', ...lines.slice(1)], weights: twoMasks(shape) },
    ],
  ])('%s', async (_name, made) => {
    expect(kindsOf(await expectRead(made, ['MixedActivation'])).poly).toBe(0);
  });

  test('a mask alone, which puts zeros in the place of ReLUs', async () => {
    const graph = ['Relu x r', 'Mul m r y'];
    const model = await expectRead({ graph, weights: [mask('m', shape)] }, ['MixedActivation']);
    const { relu, poly } = kindsOf(model);
    expect([relu > 0, poly > 0, relu + poly]).toEqual([true, true, sizeOf(shape)]);
    // Other factors are no mask, and stay a product.
    await expectRead({ graph, weights: [small('m', shape)] }, ['Relu', 'Mul']);
  });

  test('a mask of ones leaves a Relu, and a mask of zeros nothing', async () => {
    await expectRead({ graph: lines, weights: [scalar('m', 1), scalar('k', 0)] }, ['Relu']);
    await expectRead({ graph: lines, weights: [scalar('m', 0), scalar('k', 1)] }, ['Identity']);
  });

  test('after a fully-connected layer', async () => {
    const graph = ['Flatten x f', 'Relu f r', 'Mul m r kept', 'Mul k f dropped', 'Add kept dropped y'];
    const bytes = rawModel(['N', ...shape], nodesOf(graph), twoMasks([144]), 2);
    const model = readModel(bytes, 'case.onnx');
    expect(model.graph.nodes.map((node) => node.op)).toEqual(['Flatten', 'MixedActivation']);
    await expectEqual(model, bytes);
  });
});

/** m relu(x) + (1 - m)(a x^2 + b x + c) in an order and with the sides that the seed says. */
function blended(seed: number): Case {
  const bits = seededRng(seed).bytes(16);
  let next = 0;
  const either = <T>(a: T, b: T): T => (bits[next++]! % 2 === 0 ? a : b);
  const op = (name: string, a: string, b: string, y: string) =>
    either(`${name} ${a} ${b} ${y}`, `${name} ${b} ${a} ${y}`);
  const square = either('Pow x two p', 'Mul x x p');
  const sums = either(
    [op('Add', 'q', 'l', 's'), op('Add', 's', 'c', 't')],
    [op('Add', 'l', 'c', 's'), op('Add', 'q', 's', 't')],
  );
  const poly = [square, op('Mul', 'p', 'a', 'q'), op('Mul', 'x', 'b', 'l'), ...sums];
  const kept = ['Relu x r', op('Mul', 'r', 'm', 'kept')];
  const rest = op('Mul', 't', 'k', 'rest');
  const parts = either([...poly, rest, ...kept], [...kept, ...poly, rest]);
  const of = either([1, 4, 1, 1], [4, 1, 1]);
  const ofMask = either([1, 4, 6, 6], [6, 6]);
  const weights = ['a', 'b', 'c'].map((name) => small(name, of));
  const masks = [mask('m', ofMask), otherMask('k', ofMask)];
  return {
    graph: [...parts, op('Add', 'kept', 'rest', 'y')],
    weights: [scalar('two', 2), ...weights, ...masks],
  };
}

test.each(Array.from({ length: 12 }, (_, seed) => seed))(
  'm relu(x) + (1 - m)(a x^2 + b x + c) in order %d',
  async (seed) => {
    const { relu, identity, poly } = kindsOf(await expectRead(blended(seed), ['MixedActivation']));
    expect(identity).toBe(0);
    expect(Math.min(relu, poly)).toBeGreaterThan(0);
  },
);

describe('what others read stays', () => {
  const a = small('a', [4, 1, 1]);
  test('a square that another node reads is a node of its own', async () => {
    const graph = ['Mul x x u', 'Mul u a v', 'Add v x w', 'Sigmoid u s', 'Add w s y'];
    await expectRead({ graph, weights: [a] }, ['MixedActivation', 'Mul', 'Add', 'Sigmoid', 'Add']);
  });
  test('a value that is squared and read elsewhere', async () => {
    const graph = ['Sigmoid x u', 'Mul u u v', 'MaxPool3 u p', 'Add v p y'];
    const nodes = nodesOf(graph).map((node) =>
      node.op === 'MaxPool3'
        ? {
            ...node,
            op: 'MaxPool',
            attributes: { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } },
          }
        : node,
    );
    const bytes = rawModel(['N', ...shape], nodes);
    const model = readModel(bytes, 'case.onnx');
    expect(model.graph.nodes.map((node) => node.op)).toEqual([
      'Sigmoid',
      'MixedActivation',
      'MaxPool',
      'Add',
    ]);
    await expectEqual(model, bytes);
  });
  test('a square of a square is two nodes', async () => {
    await expectRead({ graph: ['Mul x x u', 'Mul u u y'] }, ['MixedActivation', 'MixedActivation']);
  });
  test('sums and scales without a ReLU or a square are left alone', async () => {
    await expectRead({ graph: ['Mul x a u', 'Add u x y'], weights: [a] }, ['Mul', 'Add']);
    await expectRead({ graph: ['Relu x r', 'Mul r a y'], weights: [a] }, ['Relu', 'Mul']);
    await expectRead({ graph: ['Relu x r', 'Add r x y'] }, ['Relu', 'Add']);
  });
});

describe('what does not fit means what it meant, and is refused privately with the reason', () => {
  const withAt40 = (value: number, { data, ...rest }: RawTensor): RawTensor =>
    ({ ...rest, data: (data as Float32Array).map((v, i) => (i === 40 ? value : v)) }) as RawTensor;
  const masked = ['Sub one m k', 'Relu u r', 'Mul m r kept', 'Mul k u dropped', 'Add kept dropped y'];
  const one = scalar('one', 1);
  test.each<[string, Case, RegExp]>([
    [
      'a mask of 0.5',
      { graph: masked, weights: [one, withAt40(0.5, mask('m', shape))] },
      /element 40 is 0\.5 relu\(x\) \+ 0\.5 x, which is neither .*: masks must be 0 or 1/,
    ],
    [
      'a ReLU and another value',
      {
        graph: [...masked.slice(0, 3), 'Sigmoid u o', 'Mul k o dropped', masked[4]!],
        weights: [one, mask('m', shape)],
      },
      /it combines the values .*; expected a function of one value/,
    ],
    [
      'a coefficient per place',
      { graph: ['Mul u u s', 'Mul a s q', 'Add q u y'], weights: [small('a', shape)] },
      /channel 0 has both .* x\^2 \+ 1 x and .* x\^2 \+ 1 x; expected one polynomial per channel/,
    ],
    [
      'a mask of 0.5 in a ReLU alone',
      {
        graph: masked.filter((line) => !line.startsWith('Sub')),
        weights: [withAt40(0.5, mask('m', shape)), withAt40(0, otherMask('k', shape))],
      },
      /element 40 is 0\.5 relu\(x\), which is neither/,
    ],
    [
      'a ReLU of x + b beside x',
      {
        graph: ['Add u b s', 'Relu s r', masked[0]!, ...masked.slice(2)],
        weights: [one, mask('m', shape), small('b', [4, 1, 1])],
      },
      /its activation r reads another value than its other parts/,
    ],
    [
      'a ReLU that another node reads',
      {
        graph: [...masked.slice(0, 4), 'Add kept dropped z', 'Sigmoid r s', 'Add z s y'],
        weights: [one, mask('m', shape)],
      },
      /others read r too/,
    ],
  ])('%s', async (_name, { graph, weights = [] }, reason) => {
    const conv = { op: 'Conv', inputs: ['x', 'w'], outputs: ['u'] };
    const nodes = [conv, ...nodesOf(graph)];
    const bytes = rawModel(['N', ...shape], nodes, [small('w', [4, 4, 1, 1]), ...weights]);
    const model = readModel(bytes, 'case.onnx');
    const x = normals(n * sizeOf(shape), seededRng('x'));
    const { data } = await runFile(bytes, x, [n, ...shape]);
    expect(maximumDifference(await predict(model, x, n, { threads: 1 }), data)).toBe(0);
    await expect(prepare(model, { calibration: { images: x, n } })).rejects.toThrow(reason);
  });

  test.each([0, 0.5, 3])('Pow(x, %d) is refused', (exponent) => {
    const bytes = rawModel(['N', ...shape], nodesOf(['Pow x e y']), [scalar('e', exponent)]);
    expect(() => readModel(bytes, 'case.onnx')).toThrow(
      `only a square is supported, not the power ${exponent}`,
    );
  });
});

describe('products of two values that are no polynomial of degree 2 mean what they meant, and run privately', () => {
  test.each([
    ['a product of different values', ['LeakyRelu u o', 'Mul u o y']],
    ['a cube', ['Mul u u s', 'Mul s u y']],
    ['x relu(x)', ['Relu u r', 'Mul u r y']],
  ])('%s', async (_name, graph) => {
    const conv = { op: 'Conv', inputs: ['x', 'w'], outputs: ['u'] };
    const bytes = rawModel(['N', ...shape], [conv, ...nodesOf(graph)], [small('w', [4, 4, 1, 1])]);
    const model = readModel(bytes, 'case.onnx');
    const x = normals(n * sizeOf(shape), seededRng('x'));
    const { data } = await runFile(bytes, x, [n, ...shape]);
    expect(maximumDifference(await predict(model, x, n, { threads: 1 }), data)).toBe(0);
    const { plan } = await prepare(model, { calibration: { images: x, n } });
    expect(plan.steps.some(({ kind }) => kind === 'activation')).toBe(true);
  });
});
