import { describe, expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { inspect } from '../../../models/analysis/inspect.ts';
import { readModel, readReport } from '../../../models/files/read.ts';
import type { RawAttribute, RawTensor } from '../../../models/onnx/raw.ts';
import { predict } from '../../../models/runtime/run.ts';
import { sizeOf } from '../../../models/tensor.ts';
import type { Shape } from '../../../models/tensor.ts';
import { floats, ints, rawModel, runFile } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

type Case = {
  readonly op: string;
  /** [C, H, W] or [features]. */
  readonly input: Shape;
  readonly weights?: readonly RawTensor[];
  readonly attributes?: Readonly<Record<string, RawAttribute>>;
};

const i = (int: number): RawAttribute => ({ int });
const f = (float: number): RawAttribute => ({ float });
const s = (string: string): RawAttribute => ({ string });
const l = (...values: number[]): RawAttribute => ({ ints: values });
const image = [4, 9, 7];

const supported: Record<string, Case> = {
  'Conv, defaults': { op: 'Conv', input: image, weights: [floats('w', [6, 4, 3, 3])] },
  'Conv, bias, strides, uneven pads': {
    op: 'Conv',
    input: image,
    weights: [floats('w', [6, 4, 3, 2]), floats('b', [6])],
    attributes: { strides: l(2, 1), pads: l(1, 0, 2, 1), kernel_shape: l(3, 2) },
  },
  'Conv, dilated': {
    op: 'Conv',
    input: image,
    weights: [floats('w', [2, 4, 3, 3])],
    attributes: { dilations: l(2, 1), pads: l(2, 1, 2, 1) },
  },
  'Conv, two groups': {
    op: 'Conv',
    input: image,
    weights: [floats('w', [6, 2, 1, 1])],
    attributes: { group: i(2) },
  },
  'Conv, depthwise': {
    op: 'Conv',
    input: image,
    weights: [floats('w', [4, 1, 3, 3])],
    attributes: { group: i(4), pads: l(1, 1, 1, 1) },
  },
  'Conv, SAME_UPPER': {
    op: 'Conv',
    input: image,
    weights: [floats('w', [3, 4, 2, 4])],
    attributes: { auto_pad: s('SAME_UPPER'), strides: l(1, 2) },
  },
  'Conv, SAME_LOWER': {
    op: 'Conv',
    input: image,
    weights: [floats('w', [3, 4, 2, 4])],
    attributes: { auto_pad: s('SAME_LOWER'), strides: l(2, 1) },
  },
  'Conv, VALID': {
    op: 'Conv',
    input: image,
    weights: [floats('w', [3, 4, 3, 3])],
    attributes: { auto_pad: s('VALID') },
  },
  'Gemm, defaults': { op: 'Gemm', input: [5], weights: [floats('w', [5, 3]), floats('b', [3])] },
  'Gemm, transB, alpha, beta': {
    op: 'Gemm',
    input: [5],
    weights: [floats('w', [3, 5]), floats('b', [1, 3])],
    attributes: { transB: i(1), alpha: f(0.5), beta: f(2) },
  },
  'Gemm, no bias': { op: 'Gemm', input: [5], weights: [floats('w', [5, 3])] },
  'Gemm, scalar bias': { op: 'Gemm', input: [5], weights: [floats('w', [5, 3]), floats('b', [])] },
  MatMul: { op: 'MatMul', input: [5], weights: [floats('w', [5, 3])] },
  Relu: { op: 'Relu', input: image },
  'Clip, ReLU6': { op: 'Clip', input: image, weights: [scalar('low', 0), scalar('high', 0.75)] },
  'Clip, a lower bound': { op: 'Clip', input: image, weights: [scalar('low', -0.5)] },
  'Clip, no bounds': { op: 'Clip', input: image },
  'Max with 1': { op: 'Max', input: image, weights: [scalar('one', 1)] },
  'Min with a half': { op: 'Min', input: image, weights: [scalar('half', 0.5)] },
  'Max with 0': { op: 'Max', input: image, weights: [scalar('zero', 0)] },
  'LeakyRelu, default': { op: 'LeakyRelu', input: image },
  'LeakyRelu, alpha': { op: 'LeakyRelu', input: image, attributes: { alpha: f(0.3) } },
  'PRelu, per channel': { op: 'PRelu', input: image, weights: [floats('w', [4, 1, 1])] },
  'PRelu, one slope': { op: 'PRelu', input: image, weights: [floats('w', [1])] },
  Sigmoid: { op: 'Sigmoid', input: image },
  'HardSigmoid, defaults': { op: 'HardSigmoid', input: image },
  'HardSigmoid, alpha and beta': {
    op: 'HardSigmoid',
    input: image,
    attributes: { alpha: f(0.7), beta: f(0.1) },
  },
  HardSwish: { op: 'HardSwish', input: image },
  Tanh: { op: 'Tanh', input: image },
  'Elu, alpha': { op: 'Elu', input: image, attributes: { alpha: f(0.7) } },
  'Celu, alpha': { op: 'Celu', input: image, attributes: { alpha: f(0.7) } },
  Erf: { op: 'Erf', input: image },
  Abs: { op: 'Abs', input: image },
  'Gather, channels reversed': {
    op: 'Gather',
    input: image,
    weights: [ints('w', [3, -2, 1, 0])],
    attributes: { axis: i(1) },
  },
  'Gather, some columns': {
    op: 'Gather',
    input: image,
    weights: [ints('w', [5, 0])],
    attributes: { axis: i(-1) },
  },
  'Mul, per channel': { op: 'Mul', input: image, weights: [floats('w', [4, 1, 1])] },
  'Mul, a scalar': { op: 'Mul', input: image, weights: [floats('w', [])] },
  'Sub, per channel': { op: 'Sub', input: image, weights: [floats('w', [4, 1, 1])] },
  'Div by a power of two': { op: 'Div', input: image, weights: [scalar('w', 4)] },
  'Sum of one value and two constants': {
    op: 'Sum',
    input: image,
    weights: [floats('a', [4, 1, 1]), floats('b', [7])],
  },
  'Pad with a value': {
    op: 'Pad',
    input: image,
    weights: [ints('pads', [0, 0, 1, 0, 0, 0, 2, 3]), scalar('value', -1.5)],
  },
  GlobalMaxPool: { op: 'GlobalMaxPool', input: image },
  'Cast to half floats and back': { op: 'Cast', input: image, attributes: { to: i(1) } },
  'Add, per channel': { op: 'Add', input: image, weights: [floats('w', [4, 1, 1])] },
  'Add, per channel with a batch of 1': { op: 'Add', input: image, weights: [floats('w', [1, 4, 1, 1])] },
  'Add, a row': { op: 'Add', input: [6], weights: [floats('w', [6])] },
  'Add, a scalar': { op: 'Add', input: image, weights: [floats('w', [])] },
  BatchNormalization: {
    op: 'BatchNormalization',
    input: image,
    weights: [floats('s', [4]), floats('b', [4]), floats('m', [4]), variances('v', 4)],
    attributes: { epsilon: f(0.01), momentum: f(0.5) },
  },
  'BatchNormalization of features': {
    op: 'BatchNormalization',
    input: [4],
    weights: [floats('s', [4]), floats('b', [4]), floats('m', [4]), variances('v', 4)],
  },
  'MaxPool, defaults': { op: 'MaxPool', input: image, attributes: { kernel_shape: l(2, 3) } },
  'MaxPool, pads and strides': {
    op: 'MaxPool',
    input: image,
    attributes: { kernel_shape: l(3, 3), strides: l(2, 2), pads: l(1, 1, 1, 1) },
  },
  'MaxPool, ceil_mode': {
    op: 'MaxPool',
    input: image,
    attributes: { kernel_shape: l(2, 2), strides: l(2, 2), ceil_mode: i(1) },
  },
  'MaxPool, ceil_mode with a window that would start in the padding': {
    op: 'MaxPool',
    input: [2, 5, 6],
    attributes: { kernel_shape: l(2, 2), strides: l(3, 3), pads: l(1, 1, 1, 1), ceil_mode: i(1) },
  },
  'MaxPool, dilated': {
    op: 'MaxPool',
    input: image,
    attributes: { kernel_shape: l(2, 2), dilations: l(2, 3) },
  },
  'AveragePool, defaults': { op: 'AveragePool', input: image, attributes: { kernel_shape: l(2, 3) } },
  'AveragePool, pads not counted': {
    op: 'AveragePool',
    input: image,
    attributes: { kernel_shape: l(3, 3), strides: l(2, 2), pads: l(1, 1, 1, 1) },
  },
  'AveragePool, pads counted': {
    op: 'AveragePool',
    input: image,
    attributes: { kernel_shape: l(3, 3), strides: l(2, 2), pads: l(1, 1, 1, 1), count_include_pad: i(1) },
  },
  'AveragePool, SAME_UPPER': {
    op: 'AveragePool',
    input: image,
    attributes: { kernel_shape: l(2, 2), auto_pad: s('SAME_UPPER') },
  },
  GlobalAveragePool: { op: 'GlobalAveragePool', input: image },
  Flatten: { op: 'Flatten', input: image },
  'Flatten, axis from the end': { op: 'Flatten', input: image, attributes: { axis: i(-3) } },
  'Reshape, 0 and -1': { op: 'Reshape', input: image, weights: [ints('shape', [0, -1])] },
  'Reshape, -1 for the batch': { op: 'Reshape', input: image, weights: [ints('shape', [-1, 36, 7])] },
  'Reshape, 0 copies': { op: 'Reshape', input: image, weights: [ints('shape', [0, 0, 63])] },
  Identity: { op: 'Identity', input: image },
  Dropout: { op: 'Dropout', input: image },
};

function scalar(name: string, value: number): RawTensor {
  return { name, dtype: 'float32', shape: [], data: Float32Array.of(value) };
}

function variances(name: string, n: number): RawTensor {
  return { name, dtype: 'float32', shape: [n], data: normals(n, seededRng(name)).map((v) => v * v + 0.1) };
}

const n = 3;

function fileOf({ op, input, weights = [], attributes = {} }: Case): Uint8Array {
  const node = {
    op,
    name: 'tested',
    inputs: ['x', ...weights.map((w) => w.name)],
    outputs: ['y'],
    attributes,
  };
  return rawModel(['N', ...input], [node], weights);
}

describe('an op read and written gives what onnxruntime makes of the original', () => {
  test.each(Object.entries(supported))('%s', async (_name, tested) => {
    const bytes = fileOf(tested);
    const x = normals(n * sizeOf(tested.input), seededRng('x'));
    const reference = await runFile(bytes, x, [n, ...tested.input]);
    const model = readModel(bytes, 'test.onnx');
    const shape = model.graph.outputs[0]!.shape;
    expect([n, ...shape]).toEqual(reference.shape);
    const y = await predict(model, x, n, { threads: 1 });
    expect(maximumDifference(y, reference.data)).toBe(0);
  });
});

test('the comparison sees one changed weight', async () => {
  const tested = supported['Conv, defaults']!;
  const x = normals(n * sizeOf(tested.input), seededRng('x'));
  const reference = await runFile(fileOf(tested), x, [n, ...tested.input]);
  const changed = floats('w', [6, 4, 3, 3]);
  changed.data[7] = 1;
  const y = await predict(readModel(fileOf({ ...tested, weights: [changed] }), 'test.onnx'), x, n);
  expect(maximumDifference(y, reference.data)).toBeGreaterThan(0);
});

const refused: Record<string, [Case, RegExp]> = {
  'Conv in one dimension': [
    { op: 'Conv', input: [4, 9], weights: [floats('w', [2, 4, 3])] },
    /kernel_shape has 1 entries/,
  ],
  'Conv with a weight of other channels': [
    { op: 'Conv', input: image, weights: [floats('w', [2, 5, 3, 3])] },
    /does not fit 4 input channels/,
  ],
  'Conv larger than its input': [
    { op: 'Conv', input: [4, 2, 2], weights: [floats('w', [2, 4, 3, 3])] },
    /larger than its padded input/,
  ],
  'Conv with an attribute nobody knows': [
    { op: 'Conv', input: image, weights: [floats('w', [2, 4, 3, 3])], attributes: { quantised: i(1) } },
    /unknown attribute quantised/,
  ],
  'Conv with auto_pad and pads': [
    {
      op: 'Conv',
      input: image,
      weights: [floats('w', [2, 4, 3, 3])],
      attributes: { auto_pad: s('SAME_UPPER'), pads: l(1, 1, 1, 1) },
    },
    /both pads and auto_pad/,
  ],
  'Gemm, transA': [
    { op: 'Gemm', input: [5], weights: [floats('w', [5, 3])], attributes: { transA: i(1) } },
    /transA would transpose the batch/,
  ],
  'Gemm of an image': [{ op: 'Gemm', input: image, weights: [floats('w', [5, 3])] }, /does not fit/],
  'Flatten of the batch': [{ op: 'Flatten', input: image, attributes: { axis: i(0) } }, /flatten the batch/],
  'Reshape into the batch': [
    { op: 'Reshape', input: image, weights: [ints('shape', [-1, 9])] },
    /252 values do not fit/,
  ],
  'Reshape to another batch': [
    { op: 'Reshape', input: image, weights: [ints('shape', [4, 63])] },
    /does not keep the batch/,
  ],
  'Concat of batches': [{ op: 'Concat', input: image, attributes: { axis: i(0) } }, /join different images/],
  'MaxPool, storage_order': [
    { op: 'MaxPool', input: image, attributes: { kernel_shape: l(2, 2), storage_order: i(1) } },
    /storage_order/,
  ],
  'MaxPool of padding alone': [
    { op: 'MaxPool', input: image, attributes: { kernel_shape: l(2, 2), pads: l(2, 0, 0, 0) } },
    /pads \[2, 0, 0, 0\] are not smaller than the kernel 2x2/,
  ],
  'BatchNormalization in training': [
    {
      op: 'BatchNormalization',
      input: [4],
      weights: [floats('s', [4]), floats('b', [4]), floats('m', [4]), variances('v', 4)],
      attributes: { training_mode: i(1) },
    },
    /export the model for inference/,
  ],
  Softsign: [{ op: 'Softsign', input: image }, /not supported/],
  'Gelu by tanh': [
    { op: 'Gelu', input: image, attributes: { approximate: { string: 'tanh' } } },
    /approximation tanh/,
  ],
  'Clip between bounds that meet': [
    { op: 'Clip', input: image, weights: [scalar('low', 1), scalar('high', 1)] },
    /lower bound 1 is not below its upper bound 1/,
  ],
  'PRelu with slopes of another shape': [
    { op: 'PRelu', input: image, weights: [floats('w', [5, 1, 1])] },
    /do not broadcast/,
  ],
  'Pad of channels': [
    { op: 'Pad', input: image, weights: [ints('pads', [0, 1, 0, 0, 0, 0, 0, 0])] },
    /pad another axis than height and width/,
  ],
  'Pad by reflection': [
    {
      op: 'Pad',
      input: image,
      weights: [ints('pads', [0, 0, 1, 1, 0, 0, 1, 1])],
      attributes: { mode: s('reflect') },
    },
    /mode reflect is not supported/,
  ],
  'Pad by less than nothing': [
    { op: 'Pad', input: image, weights: [ints('pads', [0, 0, -1, 0, 0, 0, 0, 0])] },
    /cropping/,
  ],
  'Cast to integers': [{ op: 'Cast', input: image, attributes: { to: i(7) } }, /not to data type 7/],
  'ReduceProd of a value': [{ op: 'ReduceProd', input: image }, /constants and shapes only/],
  'Mul by a constant that differs over the batch': [
    { op: 'Mul', input: image, weights: [floats('w', [3, 4, 9, 7])] },
    /differs over the batch/,
  ],
  'an op nobody knows': [{ op: 'Frobnicate', input: image }, /not supported/],
};

describe('refused with a reason', () => {
  test.each(Object.entries(refused))('%s', (_name, [tested, reason]) => {
    const { model, unsupported } = readReport(fileOf(tested), 'test.onnx');
    expect(model).toBeUndefined();
    expect(unsupported).toHaveLength(1);
    expect(unsupported[0]).toMatchObject({ name: 'tested', op: tested.op });
    expect(unsupported[0]!.reason).toMatch(reason);
  });
});

describe('cost by hand', () => {
  const costs: [string, { macs: number; relus: number; params: number }][] = [
    // 6 x 7 x 5 outputs of 4 x 3 x 3 products
    ['Conv, defaults', { macs: 210 * 36, relus: 0, params: 216 }],
    ['Conv, depthwise', { macs: 252 * 9, relus: 0, params: 36 }],
    ['Gemm, defaults', { macs: 15, relus: 0, params: 18 }],
    ['MatMul', { macs: 15, relus: 0, params: 15 }],
    ['Relu', { macs: 0, relus: 252, params: 0 }],
    ['Clip, ReLU6', { macs: 0, relus: 252, params: 0 }],
    ['PRelu, per channel', { macs: 252, relus: 252, params: 4 }],
    ['HardSwish', { macs: 504, relus: 252, params: 0 }],
    ['Mul, per channel', { macs: 252, relus: 0, params: 4 }],
    ['Add, per channel', { macs: 0, relus: 0, params: 4 }],
    ['BatchNormalization', { macs: 252, relus: 0, params: 8 }],
    // 4 x 4 x 3 windows of 2 x 2: three ReLUs each; 5 x 4 with ceil_mode
    ['MaxPool, ceil_mode', { macs: 0, relus: 4 * 20 * 3, params: 0 }],
    ['GlobalAveragePool', { macs: 252, relus: 0, params: 0 }],
  ];
  test.each(costs)('%s', (name, cost) => {
    expect(inspect(readModel(fileOf(supported[name]!), 'test.onnx'))).toMatchObject(cost);
  });
});

function maximumDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((max, v, k) => Math.max(max, Math.abs(v - b[k]!)), 0);
}
