import { expect, test } from 'vitest';
import { seededUniform } from '../../../models/data/seeded.ts';
import { inferShapes } from '../../../models/analysis/shapes.ts';
import type { Model, Node, OpAttributes, OpType, PolynomialForm } from '../../../models/graph.ts';
import { ops } from '../../../models/ops/index.ts';
import { sizeOf, tensor } from '../../../models/tensor.ts';
import type { Shape } from '../../../models/tensor.ts';
import { awayFromZero, checkGradients, wellApart } from '../../helpers/networks/finite-differences.ts';

const conv = { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;
const pool = {
  kernel: [2, 2],
  strides: [2, 2],
  pads: [0, 0, 0, 0],
  dilations: [1, 1],
  ceilMode: false,
} as const;
const padded = { ...pool, kernel: [3, 3], pads: [1, 1, 1, 1] } as const;
const batchNorm = { epsilon: 1e-5, momentum: 0.9 };

type Case = {
  readonly title: string;
  readonly model: Model;
  /** Names whose gradient is checked beside the image's. */
  readonly weights: readonly string[];
  readonly wellApart?: boolean;
};

/** A model of one node on an image of `shape`; `weights` follow it as inputs. */
function one<K extends OpType>(
  title: string,
  op: K,
  attributes: OpAttributes[K],
  shape: Shape,
  weights: Readonly<Record<string, Shape>> = {},
): Case {
  const uniform = seededUniform(7);
  const inputs = ['image', ...Object.keys(weights)];
  const node = { op, name: 'node', inputs, outputs: ['y'], attributes } as unknown as Node;
  const tensors = Object.entries(weights).map(
    ([name, s]) => [name, tensor(s, awayFromZero(sizeOf(s), uniform))] as const,
  );
  const model = modelOf(shape, [node], new Map(tensors), 'y');
  return { title, model, weights: Object.keys(weights) };
}

function modelOf(
  shape: Shape,
  nodes: Model['graph']['nodes'],
  weights: Model['weights'],
  output: string,
): Model {
  const graph = { name: 'case', inputs: [{ name: 'image', shape }], outputs: [], nodes };
  const outputs = [{ name: output, shape: inferShapes({ graph, weights }).get(output)! }];
  return { graph: { ...graph, outputs }, weights };
}

const kindsOf = (n: number, ...kinds: number[]): Uint8Array =>
  Uint8Array.from({ length: n }, (_, i) => kinds[i % kinds.length]!);
const coefficients = { c2: [3], c1: [3], c0: [3] };

/** b = relu(image); y = [b + c; b] with a weight c: fan-out, two ops on one value, Concat's order. */
function diamond(): Case {
  const weights = new Map([['c', tensor([2, 1, 1], Float32Array.of(0.3, -0.6))]]);
  const nodes: Model['graph']['nodes'] = [
    { op: 'Relu', name: 'a', inputs: ['image'], outputs: ['b'], attributes: {} },
    { op: 'Add', name: 'd', inputs: ['b', 'c'], outputs: ['e'], attributes: {} },
    { op: 'Concat', name: 'f', inputs: ['e', 'b', 'image'], outputs: ['y'], attributes: { axis: 1 } },
  ];
  return { title: 'fan-out', model: modelOf([2, 2, 3], nodes, weights, 'y'), weights: ['c'] };
}

function twoValues(op: 'Add' | 'Sub' | 'Mul'): Case {
  const nodes: Model['graph']['nodes'] = [
    { op: 'GlobalAveragePool', name: 'a', inputs: ['image'], outputs: ['b'], attributes: {} },
    { op, name: 'd', inputs: ['image', 'b'], outputs: ['y'], attributes: {} },
  ];
  return {
    title: `${op} of values that broadcast`,
    model: modelOf([2, 2, 3], nodes, new Map(), 'y'),
    weights: [],
  };
}

function square(): Case {
  const nodes: Model['graph']['nodes'] = [
    { op: 'Mul', name: 'd', inputs: ['image', 'image'], outputs: ['y'], attributes: {} },
  ];
  return { title: 'Mul of a value with itself', model: modelOf([2, 3], nodes, new Map(), 'y'), weights: [] };
}

/**
 * Gates an element or a channel; with a threshold the state that the hysteresis makes of numbers on either
 * side of it.
 */
function gated(
  replacement: PolynomialForm,
  gate: Shape,
  weights: readonly string[],
  threshold?: number,
): Case {
  const statistics = threshold === undefined ? {} : { state: gate, moments: [7, 3] };
  const attributes = { replacement, ...(threshold !== undefined && { threshold }) };
  const title = `GatedActivation, ${replacement}, gates [${gate.join(', ')}]${threshold === undefined ? '' : ' of 0 and 1'}`;
  const shapes = { gate, ...coefficients, ...statistics };
  return { ...one(title, 'GatedActivation', attributes, [3, 2, 2], shapes), weights };
}

// 189 values 0.05 apart, none nearer than 0.025 to a multiple of 0.05: kinks at 2.5 and 3 are passed, not met.
const manyApart = [1, 9, 7];

/** Strides, pads and dilations that differ along the axes and at the two ends of each, where a mix-up shows. */
const unevenConvs = [
  ['strides 1 and 2, pads at three sides', [2, 5, 7], { strides: [1, 2], pads: [2, 0, 1, 3] }, [3, 2, 3, 3]],
  ['strides 3 and 1, pads at one side', [2, 8, 4], { strides: [3, 1], pads: [0, 2, 0, 0] }, [2, 2, 3, 3]],
  [
    'strides 2 and 3, dilated by 1 and 2',
    [2, 6, 9],
    { strides: [2, 3], dilations: [1, 2], pads: [1, 3, 0, 2] },
    [2, 2, 3, 3],
  ],
  [
    'strides 2 and 1, 2x4, dilated by 3 and 1',
    [2, 7, 5],
    { strides: [2, 1], kernel: [2, 4], dilations: [3, 1], pads: [3, 1, 0, 2] },
    [2, 2, 2, 4],
  ],
  [
    'strides 1 and 3, 1x1, pads',
    [3, 4, 5],
    { strides: [1, 3], kernel: [1, 1], pads: [1, 0, 0, 2] },
    [2, 3, 1, 1],
  ],
  ['strides 3 and 2 in groups', [4, 7, 4], { strides: [3, 2], group: 2, pads: [0, 1, 2, 0] }, [4, 2, 3, 3]],
  [
    'strides 1 and 2, depthwise, dilated by 2 and 1',
    [3, 6, 5],
    { strides: [1, 2], group: 3, dilations: [2, 1], pads: [3, 0, 1, 1] },
    [3, 1, 3, 3],
  ],
  [
    'strides 2 and 1 of many channels and few places',
    [8, 5, 3],
    { strides: [2, 1], pads: [0, 2, 3, 1] },
    [4, 8, 3, 3],
  ],
  [
    'strides longer than the kernel',
    [2, 9, 8],
    { strides: [4, 3], kernel: [2, 2], pads: [1, 0, 0, 1] },
    [2, 2, 2, 2],
  ],
] as const;

const unevenPools = [
  ['strides 1 and 3, pads at two sides', [2, 4, 7], { strides: [1, 3], kernel: [3, 2], pads: [2, 0, 0, 1] }],
  ['strides 3 and 1, 2x3', [1, 7, 4], { strides: [3, 1], kernel: [2, 3], pads: [0, 2, 1, 0] }],
  [
    'strides 2 and 1, ceil',
    [1, 6, 4],
    { strides: [2, 1], kernel: [3, 2], pads: [0, 1, 1, 0], ceilMode: true },
  ],
  [
    'strides 1 and 2, dilated by 2 and 1',
    [1, 6, 5],
    { strides: [1, 2], kernel: [2, 3], pads: [1, 0, 0, 2], dilations: [2, 1] },
  ],
] as const;

const cases: readonly Case[] = [
  ...unevenConvs.map(([title, shape, change, w]) =>
    one(`Conv, ${title}`, 'Conv', { ...conv, ...change }, shape, { w, b: [w[0]] }),
  ),
  ...unevenPools.flatMap(([title, shape, change]) => [
    { ...one(`MaxPool, ${title}`, 'MaxPool', { ...pool, ...change }, shape), wellApart: true },
    // Files are written with an opset whose AveragePool is never dilated.
    ...('dilations' in change ? [] : [false, true]).map((countIncludePad) =>
      one(
        `AveragePool, ${title}${countIncludePad ? ', padding counted' : ''}`,
        'AveragePool',
        { ...pool, ...change, countIncludePad },
        shape,
      ),
    ),
  ]),
  one('Conv 3x3', 'Conv', conv, [2, 5, 4], { w: [3, 2, 3, 3], b: [3] }),
  one('Conv, stride 2, even size', 'Conv', { ...conv, strides: [2, 2] }, [2, 6, 4], { w: [2, 2, 3, 3] }),
  one('Conv, stride 2, odd size', 'Conv', { ...conv, strides: [2, 2] }, [2, 5, 7], { w: [2, 2, 3, 3] }),
  ...[
    ['even size', [8, 4, 4], {}],
    ['odd size', [8, 5, 3], {}],
    ['rows that no window reaches', [8, 6, 6], { pads: [0, 0, 0, 0], strides: [3, 3] }],
    ['dilated, uneven pads', [8, 5, 4], { pads: [3, 0, 0, 2], dilations: [2, 1] }],
    ['no pads', [8, 5, 5], { pads: [0, 0, 0, 0] }],
    ['pads at the end', [8, 4, 4], { pads: [0, 0, 3, 2] }],
  ].map(([title, shape, change]) =>
    one(
      `Conv of few places with stride, ${title as string}`,
      'Conv',
      { ...conv, strides: [2, 2], ...(change as Partial<OpAttributes['Conv']>) },
      shape as Shape,
      { w: [4, 8, 3, 3] },
    ),
  ),
  one('Conv 1x1', 'Conv', { ...conv, kernel: [1, 1], pads: [0, 0, 0, 0] }, [3, 3, 4], {
    w: [2, 3, 1, 1],
    b: [2],
  }),
  one(
    'Conv 1x1, stride 2',
    'Conv',
    { ...conv, kernel: [1, 1], pads: [0, 0, 0, 0], strides: [2, 2] },
    [3, 5, 4],
    {
      w: [2, 3, 1, 1],
    },
  ),
  one('Conv of a map smaller than its kernels', 'Conv', { ...conv, pads: [0, 1, 2, 1] }, [8, 2, 3], {
    w: [2, 8, 3, 3],
  }),
  one('Conv of a large map', 'Conv', { ...conv, pads: [0, 1, 2, 1] }, [1, 10, 11], { w: [2, 1, 3, 3] }),
  one(
    'Conv of a large map, dilated',
    'Conv',
    { ...conv, kernel: [2, 3], dilations: [3, 1], pads: [1, 0, 2, 2] },
    [1, 10, 11],
    {
      w: [1, 1, 2, 3],
    },
  ),
  one('Conv in groups', 'Conv', { ...conv, group: 2 }, [4, 4, 3], { w: [6, 2, 3, 3], b: [6] }),
  one('Conv, depthwise', 'Conv', { ...conv, group: 3, strides: [2, 1] }, [3, 4, 3], { w: [3, 1, 3, 3] }),
  one(
    'Conv, dilated, uneven pads',
    'Conv',
    { ...conv, kernel: [3, 2], dilations: [2, 1], pads: [2, 0, 1, 1] },
    [2, 5, 4],
    { w: [2, 2, 3, 2] },
  ),
  one('Gemm, transB', 'Gemm', { alpha: 1, beta: 1, transA: false, transB: true }, [5], { w: [3, 5], b: [3] }),
  one('Gemm, alpha and beta', 'Gemm', { alpha: 0.5, beta: 2, transA: false, transB: false }, [5], {
    w: [5, 3],
    b: [1],
  }),
  one('MatMul', 'MatMul', {}, [4], { w: [4, 3] }),
  one('Relu', 'Relu', {}, [2, 3, 3]),
  one('Add of a weight', 'Add', {}, [3, 2, 2], { b: [3, 1, 1] }),
  one('Add of a smaller rank', 'Add', {}, [3, 2, 2], { b: [2] }),
  twoValues('Add'),
  twoValues('Sub'),
  one('Tanh', 'Tanh', {}, [2, 3, 3]),
  one('Elu', 'Elu', { alpha: 0.5 }, [2, 3, 3]),
  one('Celu', 'Celu', { alpha: 0.5 }, [2, 3, 3]),
  one('Gelu', 'Gelu', {}, [2, 3, 3]),
  one('Erf', 'Erf', {}, [2, 3, 3]),
  one('Gather, all channels in another order', 'Gather', { axis: 1, indices: [2, 0, 1] }, [3, 2, 2]),
  one('Gather, some rows', 'Gather', { axis: 2, indices: [3, 1] }, [2, 4, 3]),
  { ...one('Clip', 'Clip', { min: -0.3, max: 0.4 }, [1, 3, 3]), wellApart: true },
  { ...one('Clip, no lower bound', 'Clip', { min: -Infinity, max: 0.4 }, [1, 3, 3]), wellApart: true },
  one('LeakyRelu', 'LeakyRelu', { alpha: 0.125 }, [2, 3, 3]),
  one('PRelu', 'PRelu', {}, [3, 2, 2], { slope: [3, 1, 1] }),
  one('PRelu, one slope', 'PRelu', {}, [3, 2, 2], { slope: [1] }),
  one('Sigmoid', 'Sigmoid', {}, [2, 3, 3]),
  { ...one('HardSigmoid', 'HardSigmoid', { alpha: 0.2, beta: 0.5 }, manyApart), wellApart: true },
  { ...one('HardSwish', 'HardSwish', {}, manyApart), wellApart: true },
  one('Swish', 'Swish', {}, [2, 3, 3]),
  one('Mul by a weight', 'Mul', {}, [3, 2, 2], { b: [3, 1, 1] }),
  twoValues('Mul'),
  square(),
  one('Pad', 'Pad', { pads: [1, 0, 2, 3], value: 0.5 }, [2, 3, 2]),
  one('BatchNormalization', 'BatchNormalization', batchNorm, [2, 3, 2], { s: [2], b: [2], m: [2], v: [2] }),
  one('BatchNormalization of a vector', 'BatchNormalization', batchNorm, [3], {
    s: [3],
    b: [3],
    m: [3],
    v: [3],
  }),
  { ...one('MaxPool', 'MaxPool', pool, [2, 4, 4]), wellApart: true },
  { ...one('MaxPool, overlapping and padded', 'MaxPool', padded, [2, 5, 4]), wellApart: true },
  { ...one('MaxPool, ceil', 'MaxPool', { ...pool, ceilMode: true }, [2, 5, 3]), wellApart: true },
  one('AveragePool', 'AveragePool', { ...pool, countIncludePad: false }, [2, 4, 5]),
  one('AveragePool, padded', 'AveragePool', { ...padded, countIncludePad: false }, [2, 5, 4]),
  one('AveragePool, padding counted', 'AveragePool', { ...padded, countIncludePad: true }, [2, 5, 4]),
  one('AveragePool, ceil', 'AveragePool', { ...padded, ceilMode: true, countIncludePad: false }, [2, 4, 6]),
  one('GlobalAveragePool', 'GlobalAveragePool', {}, [3, 2, 4]),
  one('Flatten', 'Flatten', { axis: 1 }, [2, 3, 2]),
  one('Reshape', 'Reshape', { shape: [4, -1] }, [2, 3, 2]),
  one('Identity', 'Identity', {}, [3]),
  one('Dropout', 'Dropout', {}, [3]),
  diamond(),
  one(
    'MixedActivation, all kinds',
    'MixedActivation',
    { kinds: kindsOf(12, 1, 2, 0, 2, 1) },
    [3, 2, 2],
    coefficients,
  ),
  one('MixedActivation, polynomial', 'MixedActivation', { kinds: kindsOf(3, 2) }, [3], coefficients),
  {
    ...one(
      'MixedActivation, no polynomial',
      'MixedActivation',
      { kinds: kindsOf(12, 1, 0) },
      [3, 2, 2],
      coefficients,
    ),
    weights: [],
  },
  gated('none', [3, 2, 2], ['gate']),
  gated('identity', [3, 2, 2], ['gate']),
  gated('affine', [3, 2, 2], ['gate', 'c1', 'c0']),
  gated('quadratic', [3, 2, 2], ['gate', 'c2', 'c1', 'c0']),
  gated('quadratic', [3, 1, 1], ['gate', 'c2', 'c1', 'c0']),
  gated('quadratic', [3, 2, 2], ['c2', 'c1', 'c0'], 0.5),
];

const batch = 3; // of two values batch normalisation leaves only the sign

test.each(cases)(
  '$title: gradients equal finite differences',
  async ({ model, weights, wellApart: apart }) => {
    const uniform = seededUniform(11);
    const statistics = ['m', 'v'];
    const size = batch * sizeOf(model.graph.inputs[0]!.shape);
    const checks = await checkGradients(model, {
      batch,
      image: (apart ? wellApart : awayFromZero)(size, uniform),
      h: 1 / 128,
      wanted: ['image', ...weights.filter((name) => !statistics.includes(name))],
      seed: awayFromZero(batch * sizeOf(model.graph.outputs[0]!.shape), uniform),
    });
    for (const check of checks) {
      expect(check.worst, check.name).toBeLessThanOrEqual(1);
      expect(check.worstNegated, `${check.name}, sign turned`).toBeGreaterThan(20);
    }
  },
);

test('every op is checked', () => {
  const checked = new Set(cases.flatMap(({ model }) => model.graph.nodes.map((node) => node.op)));
  expect([...checked].sort()).toEqual(Object.keys(ops).sort());
});
