import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../../src/shared/errors.ts';
import type { Model } from '../../../models/graph.ts';
import { verifyModel } from '../../../models/graph-tools.ts';
import {
  ModelProtoSchema,
  TensorProto_DataType as DataType,
  TensorProtoSchema,
} from '../../../models/onnx/onnx_pb.js';
import type { ModelProto } from '../../../models/onnx/onnx_pb.js';
import { loadModel, readModel } from '../../../models/onnx/read.ts';
import { writeModel } from '../../../models/onnx/write.ts';
import { tinyResnet } from '../../helpers/networks.ts';
import { floats, ints, rawModel } from '../../helpers/onnx.ts';
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
    'an old opset': [(p) => (p.opsetImport[0]!.version = 9n), /expected 13 to 22, got 9/],
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
    const proto = fromBinary(ModelProtoSchema, whole);
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
  expect(() => readModel(rawModel(['N', 4, 8, 8], nodes), 'big.onnx')).toThrow(/its output is too large/);
});

test('all unsupported nodes are reported at once, by name and reason', () => {
  const nodes = [
    { op: 'Elu', name: 'first', inputs: ['x'], outputs: ['a'] },
    { op: 'Relu', name: 'fine', inputs: ['a'], outputs: ['b'] },
    { op: 'Celu', name: 'second', inputs: ['b'], outputs: ['c'] },
    { op: 'Conv', name: 'third', inputs: ['x', 'w'], outputs: ['d'], attributes: { group: { int: 3 } } },
    { op: 'Add', name: 'sum', inputs: ['c', 'd'], outputs: ['y'] },
  ];
  const bytes = rawModel(['N', 4, 8, 8], nodes, [floats('w', [4, 4, 1, 1]), ints('unused', [1])]);
  expect(() => readModel(bytes, 'net.onnx')).toThrow(
    /^net\.onnx: 3 nodes are not supported:\n {2}first \(Elu\): .*\n {2}second \(Celu\): .*\n {2}third \(Conv\): .*groups$/,
  );
});

test('a file that is not there is a ModelError with its path', async () => {
  await expect(loadModel('/nowhere/net.onnx')).rejects.toThrow(
    new ModelError('/nowhere/net.onnx: cannot be read (ENOENT)'),
  );
});
