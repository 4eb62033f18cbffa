import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import {
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation as DataLocation,
  TensorProto_DataType as DataType,
} from '../../../models/onnx/onnx_pb.js';
import type { TensorProto } from '../../../models/onnx/onnx_pb.js';
import { loadModel, readModel, readReport } from '../../../models/onnx/read.ts';
import type { RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import { predict } from '../../../models/run.ts';
import { floats, ints, rawModel, runFile } from '../../helpers/onnx.ts';
import { maximumDifference } from '../../helpers/networks.ts';
import { seededRng } from '../../helpers/rng.ts';

function scalar(name: string, value: number): RawTensor {
  return { name, dtype: 'float32', shape: [], data: Float32Array.of(value) };
}

const shape = [4, 6, 6];
const size = 144;
const weight = floats('w', [5, 4, 3, 3]);

type Exported = {
  readonly nodes: readonly RawNode[];
  readonly weights: readonly RawTensor[];
  /** Ops of the network as read. */
  readonly ops: readonly string[];
  readonly rank: number;
  readonly batch?: number;
  /** 17 where left out. */
  readonly opset?: number;
};

function atOpset(bytes: Uint8Array, opset: number): Uint8Array {
  const proto = fromBinary(ModelProtoSchema, bytes);
  proto.opsetImport[0]!.version = BigInt(opset);
  return toBinary(ModelProtoSchema, proto);
}

function constantNode(tensor: RawTensor): RawNode {
  return { op: 'Constant', inputs: [], outputs: [tensor.name], attributes: { value: { tensor } } };
}

const flattenByShape: readonly RawNode[] = [
  { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
  { op: 'Gather', inputs: ['shape', 'zero'], outputs: ['batch'], attributes: { axis: { int: 0 } } },
  { op: 'Unsqueeze', inputs: ['batch', 'axes'], outputs: ['batches'] },
  { op: 'Concat', inputs: ['batches', 'rest'], outputs: ['target'], attributes: { axis: { int: 0 } } },
  { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] },
];

const pooled: readonly RawNode[] = [
  {
    op: 'Conv',
    inputs: ['x', 'w'],
    outputs: ['c'],
    attributes: { pads: { ints: [1, 1, 1, 1] }, dilations: { ints: [1, 2] } },
  },
  { op: 'LeakyRelu', inputs: ['c'], outputs: ['r'] },
  {
    op: 'MaxPool',
    inputs: ['r'],
    outputs: ['m'],
    attributes: { kernel_shape: { ints: [2, 2] }, ceil_mode: { int: 1 }, pads: { ints: [1, 1, 0, 0] } },
  },
  {
    op: 'AveragePool',
    inputs: ['m'],
    outputs: ['a'],
    attributes: {
      kernel_shape: { ints: [3, 3] },
      strides: { ints: [2, 2] },
      pads: { ints: [1, 1, 1, 1] },
      count_include_pad: { int: 1 },
    },
  },
  { op: 'Flatten', inputs: ['a'], outputs: ['y'] },
];

const exported: Record<string, Exported> = {
  'weights as Constant nodes': {
    nodes: [constantNode(weight), { op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }],
    weights: [],
    ops: ['Conv'],
    rank: 4,
  },
  'weights behind an Identity': {
    nodes: [
      { op: 'Identity', inputs: ['w'], outputs: ['shared'] },
      { op: 'Conv', inputs: ['x', 'shared'], outputs: ['y'] },
    ],
    weights: [weight],
    ops: ['Conv'],
    rank: 4,
  },
  'flatten as a chain of Shape, Gather, Unsqueeze, Concat, Reshape': {
    nodes: flattenByShape,
    weights: [ints('zero', [0], []), ints('axes', [0]), ints('rest', [-1])],
    ops: ['Reshape'],
    rank: 2,
  },
  'flatten with Slice': {
    nodes: [
      { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
      { op: 'Slice', inputs: ['shape', 'start', 'end'], outputs: ['batches'] },
      { op: 'Concat', inputs: ['batches', 'rest'], outputs: ['target'], attributes: { axis: { int: 0 } } },
      { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] },
    ],
    weights: [ints('start', [0]), ints('end', [1]), ints('rest', [-1])],
    ops: ['Reshape'],
    rank: 2,
  },
  'a fixed batch of 1 in the reshape': {
    nodes: [{ op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] }],
    weights: [ints('target', [1, -1])],
    ops: ['Reshape'],
    rank: 2,
    batch: 1,
  },
  'ReduceMean as global pooling': {
    nodes: [
      {
        op: 'ReduceMean',
        inputs: ['x'],
        outputs: ['y'],
        attributes: { axes: { ints: [-1, -2] }, keepdims: { int: 0 } },
      },
    ],
    weights: [],
    ops: ['GlobalAveragePool', 'Flatten'],
    rank: 2,
  },
  'ReduceMean with its axes as an input (opset 18)': {
    nodes: [{ op: 'ReduceMean', inputs: ['x', 'axes'], outputs: ['y'] }],
    weights: [ints('axes', [2, 3])],
    ops: ['GlobalAveragePool'],
    rank: 4,
    opset: 18,
  },
  'Pad of chosen axes (opset 18)': {
    nodes: [
      { op: 'Pad', inputs: ['x', 'pads', '', 'axes'], outputs: ['p'] },
      { op: 'Relu', inputs: ['p'], outputs: ['y'] },
    ],
    weights: [ints('pads', [1, 2, 3, 0]), ints('axes', [-1, 2])],
    ops: ['Pad', 'Relu'],
    rank: 4,
    opset: 18,
  },
  'BatchNormalization of opset 13, without training_mode': {
    nodes: [{ op: 'BatchNormalization', inputs: ['x', 's', 's', 's', 'v'], outputs: ['y'] }],
    weights: [
      floats('s', [4]),
      { name: 'v', dtype: 'float32', shape: [4], data: Float32Array.of(1, 2, 3, 4) },
    ],
    ops: ['BatchNormalization'],
    rank: 4,
    opset: 13,
  },
  ...Object.fromEntries(
    [13, 14, 15, 16, 17, 18, 19, 20, 21, 22].map((opset) => [
      `opset ${opset}: convolution, activation, poolings with ceil_mode, padding counted`,
      { nodes: pooled, weights: [weight], ops: pooled.map(({ op }) => op), rank: 2, opset },
    ]),
  ),
  'GlobalAveragePool and Squeeze': {
    nodes: [
      { op: 'GlobalAveragePool', inputs: ['x'], outputs: ['p'] },
      { op: 'Squeeze', inputs: ['p', 'axes'], outputs: ['y'] },
    ],
    weights: [ints('axes', [2, 3])],
    ops: ['GlobalAveragePool', 'Flatten'],
    rank: 2,
  },
  'Pad before Conv': {
    nodes: [
      { op: 'Pad', inputs: ['x', 'pads'], outputs: ['padded'] },
      { op: 'Conv', inputs: ['padded', 'w'], outputs: ['y'], attributes: { strides: { ints: [2, 2] } } },
    ],
    weights: [weight, ints('pads', [0, 0, 1, 0, 0, 0, 2, 1])],
    ops: ['Conv'],
    rank: 4,
  },
  'Pad before a MaxPool, which stays': {
    nodes: [
      { op: 'Pad', inputs: ['x', 'pads'], outputs: ['p'] },
      { op: 'MaxPool', inputs: ['p'], outputs: ['y'], attributes: { kernel_shape: { ints: [2, 2] } } },
    ],
    weights: [ints('pads', [0, 0, 1, 1, 0, 0, 1, 1])],
    ops: ['Pad', 'MaxPool'],
    rank: 4,
  },
  'Pad before an AveragePool': {
    nodes: [
      { op: 'Pad', inputs: ['x', 'pads'], outputs: ['p'] },
      { op: 'AveragePool', inputs: ['p'], outputs: ['y'], attributes: { kernel_shape: { ints: [2, 2] } } },
    ],
    weights: [ints('pads', [0, 0, 1, 0, 0, 0, 0, 1])],
    ops: ['AveragePool'],
    rank: 4,
  },
  'Pad before a Conv and a Relu, which stays': {
    nodes: [
      { op: 'Pad', inputs: ['x', 'pads'], outputs: ['p'] },
      { op: 'Relu', inputs: ['p'], outputs: ['r'] },
      { op: 'Conv', inputs: ['p', 'k'], outputs: ['c'] },
      { op: 'Add', inputs: ['r', 'c'], outputs: ['y'] },
    ],
    weights: [ints('pads', [0, 0, 1, 0, 0, 0, 0, 1]), floats('k', [4, 4, 1, 1])],
    ops: ['Pad', 'Relu', 'Conv', 'Add'],
    rank: 4,
  },
  'SiLU as Sigmoid and Mul': {
    nodes: [
      { op: 'Sigmoid', inputs: ['x'], outputs: ['s'] },
      { op: 'Mul', inputs: ['s', 'x'], outputs: ['y'] },
    ],
    weights: [],
    ops: ['Swish'],
    rank: 4,
  },
  'a gate of another value is no SiLU': {
    nodes: [
      { op: 'Sigmoid', inputs: ['x'], outputs: ['s'] },
      { op: 'Relu', inputs: ['x'], outputs: ['r'] },
      { op: 'Mul', inputs: ['s', 'r'], outputs: ['y'] },
    ],
    weights: [],
    ops: ['Sigmoid', 'Relu', 'Mul'],
    rank: 4,
  },
  'hard swish as x HardSigmoid(x)': {
    nodes: [
      {
        op: 'HardSigmoid',
        inputs: ['x'],
        outputs: ['h'],
        attributes: { alpha: { float: 1 / 6 }, beta: { float: 0.5 } },
      },
      { op: 'Mul', inputs: ['x', 'h'], outputs: ['y'] },
    ],
    weights: [],
    ops: ['HardSwish'],
    rank: 4,
  },
  'hard swish as x ReLU6(x + 3) / 6': {
    nodes: [
      { op: 'Add', inputs: ['x', 'three'], outputs: ['a'] },
      { op: 'Clip', inputs: ['a', 'low', 'six'], outputs: ['c'] },
      { op: 'Mul', inputs: ['x', 'c'], outputs: ['m'] },
      { op: 'Div', inputs: ['m', 'six'], outputs: ['y'] },
    ],
    weights: [scalar('three', 3), scalar('low', 0), scalar('six', 6)],
    ops: ['HardSwish'],
    rank: 4,
  },
  'hard swish as x (ReLU6(x + 3) / 6)': {
    nodes: [
      { op: 'Add', inputs: ['three', 'x'], outputs: ['a'] },
      { op: 'Clip', inputs: ['a', 'low', 'six'], outputs: ['c'] },
      { op: 'Div', inputs: ['c', 'six'], outputs: ['d'] },
      { op: 'Mul', inputs: ['d', 'x'], outputs: ['y'] },
    ],
    weights: [scalar('three', 3), scalar('low', 0), scalar('six', 6)],
    ops: ['HardSwish'],
    rank: 4,
  },
  'x ReLU6(x + 2) / 6 is no hard swish': {
    nodes: [
      { op: 'Add', inputs: ['x', 'two'], outputs: ['a'] },
      { op: 'Clip', inputs: ['a', 'low', 'six'], outputs: ['c'] },
      { op: 'Mul', inputs: ['x', 'c'], outputs: ['m'] },
      { op: 'Div', inputs: ['m', 'six'], outputs: ['y'] },
    ],
    weights: [scalar('two', 2), scalar('low', 0), scalar('six', 6)],
    ops: ['Add', 'Clip', 'Mul', 'Mul'],
    rank: 4,
  },
  'the difference of two values': {
    nodes: [
      { op: 'Relu', inputs: ['x'], outputs: ['r'] },
      { op: 'Sub', inputs: ['r', 'x'], outputs: ['y'] },
    ],
    weights: [],
    ops: ['Relu', 'Mul', 'Add'],
    rank: 4,
  },
  'normalisation of the image within the network': {
    nodes: [
      { op: 'Sub', inputs: ['x', 'mean'], outputs: ['d'] },
      { op: 'Div', inputs: ['d', 'deviation'], outputs: ['n'] },
      { op: 'Conv', inputs: ['n', 'w'], outputs: ['y'] },
    ],
    weights: [
      weight,
      floats('mean', [1, 4, 1, 1]),
      { name: 'deviation', dtype: 'float32', shape: [1, 4, 1, 1], data: Float32Array.of(0.25, 0.5, 2, 1) },
    ],
    ops: ['Add', 'Mul', 'Conv'],
    rank: 4,
  },
  'a target shape that is computed: batch * 1, then C * H * W by ReduceProd': {
    nodes: [
      { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
      { op: 'Slice', inputs: ['shape', 'zero', 'one'], outputs: ['batches'] },
      { op: 'Mul', inputs: ['batches', 'one'], outputs: ['same'] },
      { op: 'Slice', inputs: ['shape', 'one', 'end', 'zero', 'one'], outputs: ['rest'] },
      { op: 'ReduceProd', inputs: ['rest'], outputs: ['size'], attributes: { axes: { ints: [0] } } },
      { op: 'Cast', inputs: ['size'], outputs: ['asFloat'], attributes: { to: { int: 1 } } },
      { op: 'Floor', inputs: ['asFloat'], outputs: ['floor'] },
      { op: 'Cast', inputs: ['floor'], outputs: ['asInt'], attributes: { to: { int: 7 } } },
      { op: 'Div', inputs: ['asInt', 'two'], outputs: ['half'] },
      {
        op: 'Concat',
        inputs: ['same', 'two', 'half'],
        outputs: ['target'],
        attributes: { axis: { int: 0 } },
      },
      { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] },
    ],
    weights: [ints('zero', [0]), ints('one', [1]), ints('two', [2]), ints('end', [1000])],
    ops: ['Reshape'],
    rank: 3,
  },
  'a weight put together from parts': {
    nodes: [
      { op: 'Concat', inputs: ['k1', 'k2'], outputs: ['k'], attributes: { axis: { int: 1 } } },
      { op: 'Transpose', inputs: ['k'], outputs: ['t'], attributes: { perm: { ints: [3, 1, 0, 2] } } },
      { op: 'Slice', inputs: ['t', 'starts', 'ends', 'axes', 'steps'], outputs: ['s'] },
      { op: 'Mul', inputs: ['s', 'factors'], outputs: ['f'] },
      { op: 'Gather', inputs: ['f', 'order'], outputs: ['g'], attributes: { axis: { int: 0 } } },
      { op: 'Conv', inputs: ['x', 'g'], outputs: ['y'] },
    ],
    weights: [
      floats('k1', [2, 1, 3, 6]),
      floats('k2', [2, 3, 3, 6]),
      ints('starts', [-1, 2]),
      ints('ends', [-1000, 0]),
      ints('axes', [0, 3]),
      ints('steps', [-2, -1]),
      floats('factors', [3, 1, 1, 2]),
      ints('order', [2, 0, -1]),
    ],
    ops: ['Conv'],
    rank: 4,
  },
  'a shape filled by ConstantOfShape, Where, Equal and Expand': {
    nodes: [
      {
        op: 'ConstantOfShape',
        inputs: ['one'],
        outputs: ['ones'],
        attributes: { value: { tensor: ints('', [1]) } },
      },
      { op: 'Expand', inputs: ['ones', 'two'], outputs: ['pair'] },
      { op: 'Equal', inputs: ['wanted', 'minusOne'], outputs: ['isUnknown'] },
      { op: 'Where', inputs: ['isUnknown', 'pair', 'wanted'], outputs: ['part'] },
      { op: 'Unsqueeze', inputs: ['whole', 'zero'], outputs: ['row'] },
      { op: 'Squeeze', inputs: ['row', 'zero'], outputs: ['back'] },
      {
        op: 'Concat',
        inputs: ['batches', 'part', 'back'],
        outputs: ['target'],
        attributes: { axis: { int: -1 } },
      },
      { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] },
    ],
    weights: [
      ints('one', [1]),
      ints('two', [2]),
      ints('zero', [0]),
      ints('wanted', [-1, 2]),
      ints('minusOne', [-1]),
      ints('whole', [72]),
      ints('batches', [0]),
    ],
    ops: ['Reshape'],
    rank: 4,
  },
  'values cast between kinds of floats': {
    nodes: [
      { op: 'Cast', inputs: ['x'], outputs: ['d'], attributes: { to: { int: 11 } } },
      { op: 'Cast', inputs: ['d'], outputs: ['y'], attributes: { to: { int: 1 } } },
    ],
    weights: [],
    ops: ['Identity', 'Identity'],
    rank: 4,
  },
  'a transposed weight of a MatMul, and its bias': {
    nodes: [
      { op: 'Flatten', inputs: ['x'], outputs: ['flat'] },
      { op: 'Transpose', inputs: ['m'], outputs: ['mT'], attributes: { perm: { ints: [1, 0] } } },
      { op: 'MatMul', inputs: ['flat', 'mT'], outputs: ['product'] },
      { op: 'Add', inputs: ['b', 'product'], outputs: ['y'] },
    ],
    weights: [floats('m', [3, size]), floats('b', [3])],
    ops: ['Flatten', 'MatMul', 'Add'],
    rank: 2,
  },
  'Dropout in its inference form with a ratio': {
    nodes: [{ op: 'Dropout', inputs: ['x', 'ratio'], outputs: ['y'] }],
    weights: [{ name: 'ratio', dtype: 'float32', shape: [], data: Float32Array.of(0.3) }],
    ops: ['Dropout'],
    rank: 4,
  },
  'Concat of two branches': {
    nodes: [
      { op: 'Relu', inputs: ['x'], outputs: ['r'] },
      { op: 'Concat', inputs: ['r', 'x'], outputs: ['y'], attributes: { axis: { int: -3 } } },
    ],
    weights: [],
    ops: ['Relu', 'Concat'],
    rank: 4,
  },
  'one bias under two shapes': {
    nodes: [
      { op: 'Conv', inputs: ['x', 'k', 'b'], outputs: ['c'] },
      { op: 'Add', inputs: ['c', 'b1'], outputs: ['d'] },
      { op: 'Add', inputs: ['d', 'b1'], outputs: ['y'] },
    ],
    weights: [floats('k', [6, 4, 1, 1]), floats('b', [6]), floats('b1', [1, 1, 1, 6])],
    ops: ['Conv', 'Add', 'Add'],
    rank: 4,
  },
  'a dead branch that is not supported': {
    nodes: [
      { op: 'Celu', inputs: ['x'], outputs: ['unused'] },
      { op: 'Relu', inputs: ['x'], outputs: ['y'] },
    ],
    weights: [],
    ops: ['Relu'],
    rank: 4,
  },
};

describe('what exporters write is read, and means the same', () => {
  test.each(Object.entries(exported))(
    '%s',
    async (_name, { nodes, weights, ops, rank, batch, opset = 17 }) => {
      const bytes = atOpset(rawModel([batch ?? 'N', ...shape], nodes, weights, rank), opset);
      const n = batch ?? 3;
      const x = normals(n * size, seededRng('x'));
      const reference = await runFile(bytes, x, [n, ...shape]);
      const model = readModel(bytes, 'exported.onnx');
      expect(model.graph.nodes.map((node) => node.op)).toEqual(ops);
      expect([n, ...model.graph.outputs[0]!.shape]).toEqual(reference.shape);
      const y = await predict(model, x, n, { threads: 1 });
      // The same kernels, but for the mean: ReduceMean adds in another order than GlobalAveragePool, 36 terms of size < 4.
      expect(maximumDifference(y, reference.data)).toBeLessThanOrEqual(36 * 4 * 2 ** -24);
    },
  );
});

describe('what would mean something else is refused', () => {
  const refused: Record<string, [readonly RawNode[], readonly RawTensor[], RegExp]> = {
    'the batch moved into the features': [
      [
        ...flattenByShape.slice(0, 3),
        { ...flattenByShape[3]!, inputs: ['rest', 'batches'] },
        flattenByShape[4]!,
      ],
      [ints('zero', [0], []), ints('axes', [0]), ints('rest', [-1])],
      /depends on the batch in another way/,
    ],
    'a product of two computed values': [
      [
        { op: 'Flatten', inputs: ['x'], outputs: ['f'] },
        { op: 'MatMul', inputs: ['f', 'f'], outputs: ['y'] },
      ],
      [],
      /weight \[144\] is not a matrix/,
    ],
    'the mean over channels': [
      [{ op: 'ReduceMean', inputs: ['x'], outputs: ['y'], attributes: { axes: { ints: [1] } } }],
      [],
      /only the mean over height and width/,
    ],
    'the indices of a MaxPool': [
      [
        { op: 'MaxPool', inputs: ['x'], outputs: ['p', 'i'], attributes: { kernel_shape: { ints: [2, 2] } } },
        { op: 'Cast', inputs: ['i'], outputs: ['c'] },
        { op: 'Add', inputs: ['p', 'c'], outputs: ['y'] },
      ],
      [],
      /its output i is used/,
    ],
    'a function of our name with another body': [
      [{ op: 'MixedActivation', domain: 'reluctant', inputs: ['x'], outputs: ['y'] }],
      [],
      /its function body is not the one this program writes/,
    ],
  };
  test.each(Object.entries(refused))('%s', (_name, [nodes, weights, reason]) => {
    const { unsupported } = readReport(rawModel(['N', ...shape], nodes, weights), 'exported.onnx');
    expect(unsupported.map((node) => node.reason).join()).toMatch(reason);
  });
});

describe('weights in every form of ONNX', () => {
  const values = [1.5, -0.25, 3, 0, 2 ** -14, -65504, 0.5, 8, 1, 2, 3, 4, -5, 6, 7, 8];
  const half = [0x3e00, 0xb400, 0x4200, 0, 0x0400, 0xfbff, 0x3800, 0x4800].concat([
    0x3c00, 0x4000, 0x4200, 0x4400, 0xc500, 0x4600, 0x4700, 0x4800,
  ]);
  const raw = (data: ArrayBufferView) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const forms: Record<string, (t: TensorProto) => void> = {
    float_data: (t) => (t.floatData = values),
    double_data: (t) => ((t.dataType = DataType.DOUBLE), (t.doubleData = values)),
    'raw doubles': (t) => ((t.dataType = DataType.DOUBLE), (t.rawData = raw(Float64Array.from(values)))),
    'half floats in int32_data': (t) => ((t.dataType = DataType.FLOAT16), (t.int32Data = half)),
    'raw half floats': (t) => ((t.dataType = DataType.FLOAT16), (t.rawData = raw(Uint16Array.from(half)))),
  };
  const brain = Uint16Array.from(values, (v) => new Uint32Array(Float32Array.of(v).buffer)[0]! >>> 16);
  test('raw bfloat16: the upper half of a float32', () => {
    const weights = floats('w', [4, 4, 1, 1]);
    const bytes = rawModel(['N', ...shape], [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }], [weights]);
    const proto = fromBinary(ModelProtoSchema, bytes);
    Object.assign(proto.graph!.initializer[0]!, { dataType: DataType.BFLOAT16, rawData: raw(brain) });
    const read = readModel(toBinary(ModelProtoSchema, proto), 'forms.onnx').weights.get('w')!.data;
    // -65504 has 11 significant bits, bfloat16 has 8: cut off, not rounded, by the conversion above
    expect([...read]).toEqual(values.map((v) => (v === -65504 ? -65280 : v)));
  });
  test.each(Object.entries(forms))('%s', (_name, change) => {
    const weights = floats('w', [4, 4, 1, 1]);
    const bytes = rawModel(['N', ...shape], [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }], [weights]);
    const proto = fromBinary(ModelProtoSchema, bytes);
    const tensor = proto.graph!.initializer[0]!;
    tensor.rawData = new Uint8Array();
    change(tensor);
    const model = readModel(toBinary(ModelProtoSchema, proto), 'forms.onnx');
    expect([...model.weights.get('w')!.data]).toEqual(values);
  });
});

test('external data is read beside the file and nowhere else', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reluctant-'));
  try {
    const weights = floats('w', [4, 4, 1, 1]);
    const bytes = rawModel(['N', ...shape], [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'] }], [weights]);
    const proto = fromBinary(ModelProtoSchema, bytes);
    const tensor = proto.graph!.initializer[0]!;
    const data = Buffer.concat([Buffer.alloc(8), tensor.rawData]);
    const write = async (location: string) => {
      tensor.rawData = new Uint8Array();
      tensor.dataLocation = DataLocation.EXTERNAL;
      tensor.externalData = Object.entries({ location, offset: '8', length: '64' }).map(([key, value]) =>
        create(StringStringEntryProtoSchema, { key, value }),
      );
      await writeFile(join(folder, 'model', 'net.onnx'), toBinary(ModelProtoSchema, proto));
    };
    await mkdir(join(folder, 'model'));
    await writeFile(join(folder, 'model', 'weights.bin'), data);
    await writeFile(join(folder, 'outside.bin'), data);
    await write('weights.bin');
    const model = await loadModel(join(folder, 'model', 'net.onnx'));
    expect(model.weights.get('w')!.data).toEqual(weights.data);
    await write('../outside.bin');
    await expect(loadModel(join(folder, 'model', 'net.onnx'))).rejects.toThrow(
      /external data file \.\.\/outside\.bin is not there/,
    );
  } finally {
    await rm(folder, { recursive: true });
  }
});
