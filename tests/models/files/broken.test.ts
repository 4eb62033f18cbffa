import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { mkdtemp, open, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../../src/shared/errors.ts';
import type { Model } from '../../../models/graph.ts';
import { verifyModel } from '../../../models/analysis/shapes.ts';
import {
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
} from '../../../models/onnx/onnx_pb.js';
import type { ModelProto } from '../../../models/onnx/onnx_pb.js';
import type { RawNode } from '../../../models/onnx/raw.ts';
import { loadModel, loadReport, readModel } from '../../../models/files/read.ts';
import { writeModel } from '../../../models/files/write.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';
import { floats, ints, rawModel } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

const whole = writeModel(tinyResnet());

/** The model, or undefined for a ModelError that names the file. Any other error gets out. */
function attempt(bytes: Uint8Array): Model | undefined {
  try {
    return readModel(bytes, 'broken.onnx');
  } catch (error) {
    expect(error).toBeInstanceOf(ModelError);
    expect((error as Error).message).toMatch(/^broken\.onnx: /);
    return undefined;
  }
}

test('a truncated file is refused at every length', () => {
  const lengths = Array.from({ length: 400 }, (_, i) => Math.floor((i * whole.length) / 400));
  for (const length of lengths) expect(attempt(whole.subarray(0, length))).toBeUndefined();
  expect(attempt(whole)).toBeDefined();
});

test('a flipped byte gives a ModelError or a network that fits together', () => {
  const words = new Uint32Array(seededRng('flips').bytes(4 * 1500).buffer);
  // Half of the flips in the graph itself: the first bytes; the rest anywhere.
  for (const [i, word] of words.entries()) {
    const bytes = whole.slice();
    const position = word % (i % 2 === 0 ? Math.min(6000, whole.length) : whole.length);
    bytes[position]! ^= 1 << (word >>> 29);
    const model = attempt(bytes);
    if (model !== undefined) verifyModel(model);
  }
});

test('garbage is refused', () => {
  for (let i = 0; i < 300; i++) expect(attempt(seededRng(i).bytes(i * 3))).toBeUndefined();
  expect(attempt(new TextEncoder().encode('not a network at all'))).toBeUndefined();
});

describe('a damaged file is refused for the right reason', () => {
  const damages: Record<string, [(proto: ModelProto) => void, RegExp]> = {
    'an old opset': [(p) => (p.opsetImport[0]!.version = 6n), /expected 7 to 23, got 6/],
    'no opset': [(p) => (p.opsetImport = []), /got none/],
    'a missing initialiser': [
      (p) => p.graph!.initializer.splice(0, 1),
      /stem\.conv \(Conv\): input stem\.conv\.weight is defined by no node before it/,
    ],
    'two initialisers of one name': [
      (p) => p.graph!.initializer.push(p.graph!.initializer[0]!),
      /two initialisers share a name/,
    ],
    'a tensor shorter than its dimensions': [
      (p) => (p.graph!.initializer[0]!.rawData = new Uint8Array(40)),
      /need 72 values, got 10/,
    ],
    'a tensor of absurd dimensions': [
      (p) => (p.graph!.initializer[0]!.dims = [1n << 40n, 1n << 40n]),
      /out of range/,
    ],
    'a tensor of negative dimensions': [(p) => (p.graph!.initializer[0]!.dims = [-4n, -18n]), /out of range/],
    'an output defined twice': [
      (p) => p.graph!.node.splice(1, 0, p.graph!.node[0]!),
      /output 'stem\.conv' is empty or defined twice/,
    ],
    'a cycle': [
      (p) => (p.graph!.node[0]!.input[0] = 'stage1.block0.relu1'),
      /stem\.conv \(Conv\): input stage1\.block0\.relu1 is defined by no node before it/,
    ],
    'an output that nothing computes': [
      (p) => (p.graph!.output[0]!.name = 'nowhere'),
      /graph output nowhere is computed by no node/,
    ],
    'no graph': [(p) => delete p.graph, /holds no graph/],
    'a second input': [
      (p) => p.graph!.input.push({ ...p.graph!.input[0]!, name: 'z' }),
      /expected one input, got 2/,
    ],
    'a weight that is not finite': [
      (p) => p.graph!.initializer[0]!.rawData.set([0, 0, 192, 127]),
      /stem\.conv \(Conv\): weight stem\.conv\.weight holds a value that is not finite/,
    ],
    'a variance below zero': [
      (p) => p.graph!.initializer.find((t) => t.name === 'stem.bn.variance')!.rawData.set([0, 0, 128, 191]), // -1
      /stem\.bn \(BatchNormalization\): a variance is negative/,
    ],
    'an image of absurd size': [
      (p) => {
        const type = p.graph!.input[0]!.type!.value;
        if (type.case === 'tensorType')
          type.value.shape!.dim[2]!.value = { case: 'dimValue', value: 1n << 40n };
      },
      /its dimensions after the batch are not all fixed/,
    ],
    'a padding that makes a value of 2^40 elements': [
      (p) =>
        (p.graph!.node[0]!.attribute.find((a) => a.name === 'pads')!.ints = [
          65_536n,
          65_536n,
          65_536n,
          65_536n,
        ]),
      /its output has more than 2\^28 elements/,
    ],
    'a stride of 2^62': [
      (p) => (p.graph!.node[0]!.attribute.find((a) => a.name === 'strides')!.ints = [1n << 62n, 1n]),
      /strides is \[4611686018427388000, 1\]; expected integers from 1/,
    ],
    'a name of a megabyte': [
      (p) => (p.graph!.node[0]!.name = 'x'.repeat(1 << 20)),
      /expected names of at most 1000 characters, got one of 1048576/,
    ],
    'a node that takes its own output': [
      (p) => (p.graph!.node[3]!.input[0] = p.graph!.node[3]!.output[0]!),
      /is defined by no node before it/,
    ],
    'a tensor of strings': [
      (p) =>
        (p.graph!.initializer[0] = create(TensorProtoSchema, {
          name: 'stem.conv.weight',
          dims: [1n],
          dataType: DataType.STRING,
        })),
      /data type STRING is not supported/,
    ],
  };
  test.each(Object.entries(damages))('%s', (_name, [damage, reason]) => {
    const proto = fromBinary(ModelProtoSchema, whole.slice()); // tensors are views of the bytes
    damage(proto);
    expect(() => readModel(toBinary(ModelProtoSchema, proto), 'broken.onnx')).toThrow(reason);
  });
});

test('shapes that double forty times are refused, not allocated', () => {
  const nodes = Array.from({ length: 40 }, (_, i) => ({
    op: 'Concat',
    inputs: [i === 0 ? 'x' : `v${i}`, i === 0 ? 'x' : `v${i}`],
    outputs: [i === 39 ? 'y' : `v${i + 1}`],
    attributes: { axis: { int: 1 } },
  }));
  expect(() => readModel(rawModel(['N', 4, 8, 8], nodes), 'big.onnx')).toThrow(
    /its output has more than 2\^28 elements/,
  );
});

describe('short files that would fill memory or time', () => {
  const tooLarge: Record<string, [RawNode[], RegExp]> = {
    'a constant spread to 2^40 elements': [
      [{ op: 'Expand', inputs: ['one', 'huge'], outputs: ['w'] }],
      /its constant of shape \[1048576, 1048576\] is out of range/,
    ],
    'zeros of that shape': [
      [{ op: 'ConstantOfShape', inputs: ['huge'], outputs: ['w'] }],
      /its constant of shape \[1048576, 1048576\]/,
    ],
    'a range of 2^40 numbers': [
      [{ op: 'Range', inputs: ['zero', 'long', 'one'], outputs: ['w'] }],
      /it has 1099511627776 elements; expected at most 65536/,
    ],
    'a range that never ends': [
      [{ op: 'Range', inputs: ['zero', 'long', 'zero'], outputs: ['w'] }],
      /elements; expected at most 65536/,
    ],
  };
  const constants = [
    ints('one', [1]),
    ints('zero', [0]),
    ints('long', [2 ** 40]),
    ints('huge', [2 ** 20, 2 ** 20]),
  ];

  test.each(Object.entries(tooLarge))('%s', (_name, [nodes, reason]) => {
    const bytes = rawModel(
      ['N', 4],
      [...nodes, { op: 'Add', inputs: ['x', 'w'], outputs: ['y'] }],
      constants,
    );
    expect(() => readModel(bytes, 'bomb.onnx')).toThrow(reason);
  });

  test.each([
    ['inputs', { inputs: Array<string>(200_000).fill('x'), outputs: ['y'] }],
    [
      'outputs',
      { inputs: ['x'], outputs: Array.from({ length: 200_000 }, (_, i) => (i === 0 ? 'y' : `v${i}`)) },
    ],
  ])('more %s than any node has', (_, values) => {
    const nodes = [{ op: 'Concat', name: 'wide', ...values, attributes: { axis: { int: 1 } } }];
    expect(() => readModel(rawModel(['N', 4], nodes), 'wide.onnx')).toThrow(
      'wide.onnx: node wide (Concat): expected at most 1000 inputs or outputs, got 200000',
    );
  });

  test('more nodes than any network has', () => {
    const nodes = Array.from({ length: 20_001 }, (_, i) => ({
      op: 'Relu',
      name: 'same',
      inputs: [i === 0 ? 'x' : `v${i}`],
      outputs: [i === 20_000 ? 'y' : `v${i + 1}`],
    }));
    expect(() => readModel(rawModel(['N', 4], nodes), 'long.onnx')).toThrow(/at most 20000 nodes, got 20001/);
    const fits = [...nodes.slice(0, 19_999), { ...nodes[20_000]!, inputs: ['v19999'] }];
    expect(readModel(rawModel(['N', 4], fits, [], 2), 'long.onnx').graph.nodes).toHaveLength(20_000);
  });
});

test('a file of more than 2 GiB, and what is no file, are refused unread', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'reluctant-'));
  try {
    const path = join(folder, 'long.onnx');
    const file = await open(path, 'w');
    await file.truncate(2 ** 31); // takes no room on the disk
    await file.close();
    for (const load of [loadModel, loadReport]) {
      await expect(load(path)).rejects.toThrow(ModelError);
      await expect(load(path)).rejects.toThrow(/long\.onnx: expected at most 2 GiB.*got 2\.0 GiB/);
    }
    await truncate(path, 2 ** 31 - 1); // 2 GB of zeros, of which one is read
    for (const load of [loadModel, loadReport])
      await expect(load(path)).rejects.toThrow(/long\.onnx: it is not an ONNX file: its first byte/);
    await expect(loadModel(folder)).rejects.toThrow(/cannot be read \(EISDIR\)/);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('all unsupported nodes are reported at once, by name and reason', () => {
  const nodes = [
    { op: 'Softsign', name: 'first', inputs: ['x'], outputs: ['a'] },
    { op: 'Relu', name: 'fine', inputs: ['a'], outputs: ['b'] },
    { op: 'Mish', name: 'second', inputs: ['b'], outputs: ['c'] },
    { op: 'Conv', name: 'third', inputs: ['x', 'w'], outputs: ['d'], attributes: { group: { int: 3 } } },
    { op: 'Add', name: 'sum', inputs: ['c', 'd'], outputs: ['y'] },
  ];
  const bytes = rawModel(['N', 4, 8, 8], nodes, [floats('w', [4, 4, 1, 1]), ints('unused', [1])]);
  expect(() => readModel(bytes, 'net.onnx')).toThrow(
    /^net\.onnx: 3 nodes are not supported:\n {2}first \(Softsign\): .*\n {2}second \(Mish\): .*\n {2}third \(Conv\): .*groups$/,
  );
});

test('a file that is not there is a ModelError with its path', async () => {
  await expect(loadModel('/nowhere/net.onnx')).rejects.toThrow(
    new ModelError('/nowhere/net.onnx: no such model file'),
  );
});
