import { describe, expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { readModel, readReport } from '../../../models/files/read.ts';
import type { RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import { predict } from '../../../models/runtime/run.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { maximumDifference } from '../../helpers/differences.ts';
import { scalar, testExported } from '../../helpers/networks/exported.ts';
import { floats, ints, rawModel, runFile } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

const op = (name: string, inputs: string[], output: string, attributes?: RawNode['attributes']): RawNode => ({
  op: name,
  inputs,
  outputs: [output],
  ...(attributes !== undefined && { attributes }),
});
const transpose = (x: string, y: string, ...perm: number[]) =>
  op('Transpose', [x], y, { perm: { ints: perm } });
const last = [0, 2, 3, 1];
const first = [0, 3, 1, 2];

describe('Transposes leave nothing behind', () => {
  testExported({
    'an activation between a pair': {
      nodes: [transpose('x', 'a', ...last), op('Relu', ['a'], 'b'), transpose('b', 'y', ...first)],
      weights: [],
      ops: ['Relu', 'Identity'],
      rank: 4,
    },
    'arithmetic with constants of every form, with channels last': {
      nodes: [
        transpose('x', 'a', ...last),
        op('Add', ['a', 'channels'], 'b'),
        op('Mul', ['places', 'b'], 'c'),
        op('PRelu', ['c', 'slopes'], 'd'),
        op('Sub', ['d', 'whole'], 'e'),
        op('Max', ['e', 'number'], 'f'),
        transpose('f', 'y', ...first),
      ],
      weights: [
        floats('channels', [4]),
        floats('places', [6, 6, 1]),
        floats('slopes', [1, 1, 1, 4]),
        floats('whole', [6, 6, 4]),
        scalar('number', -0.5),
      ],
      ops: ['Add', 'Mul', 'PRelu', 'Add', 'Clip', 'Identity'],
      rank: 4,
    },
    'two values, joined and padded': {
      nodes: [
        transpose('x', 'a', ...last),
        op('Relu', ['a'], 'b'),
        op('Concat', ['a', 'b'], 'c', { axis: { int: -1 } }),
        op('Pad', ['c', 'pads'], 'd'),
        transpose('d', 'y', ...first),
      ],
      weights: [ints('pads', [0, 1, 2, 0, 0, 0, 3, 0])],
      ops: ['Relu', 'Concat', 'Pad', 'Identity'],
      rank: 4,
    },
    'the mean over places with channels last': {
      nodes: [
        transpose('x', 'a', ...last),
        op('ReduceMean', ['a'], 'b', { axes: { ints: [1, 2] }, keepdims: { int: 1 } }),
        op('Squeeze', ['b', 'axes'], 'y'),
      ],
      weights: [ints('axes', [1, 2])],
      ops: ['GlobalAveragePool', 'Flatten'],
      rank: 2,
    },
    'the mean over places, which go': {
      nodes: [
        transpose('x', 'a', ...last),
        op('ReduceMean', ['a'], 'y', { axes: { ints: [1, 2] }, keepdims: { int: 0 } }),
      ],
      weights: [],
      ops: ['GlobalAveragePool', 'Flatten'],
      rank: 2,
    },
    'features flattened with channels last are picked in that order': {
      nodes: [transpose('x', 'a', ...last), op('Reshape', ['a', 'flat'], 'b'), op('MatMul', ['b', 'm'], 'y')],
      weights: [ints('flat', [-1, 144]), floats('m', [144, 3])],
      ops: ['Reshape', 'Gather', 'MatMul'],
      rank: 2,
    },
    'height and width exchanged, at the end': {
      nodes: [op('Relu', ['x'], 'r'), transpose('r', 'y', 0, 1, 3, 2)],
      weights: [],
      ops: ['Relu', 'Reshape', 'Gather', 'Reshape'],
      rank: 4,
    },
    'an output that has channels last': {
      nodes: [transpose('x', 'a', ...last), op('Relu', ['a'], 'y')],
      weights: [],
      ops: ['Relu', 'Reshape', 'Gather', 'Reshape'],
      rank: 4,
    },
    'the shape of a view is the one that the file sees': {
      nodes: [
        transpose('x', 'a', ...last),
        op('Shape', ['a'], 's'),
        op('Gather', ['s', 'three'], 'c'),
        op('Concat', ['batch', 'c', 'rest'], 't', { axis: { int: 0 } }),
        op('Relu', ['x'], 'r'),
        op('Reshape', ['r', 't'], 'y'),
      ],
      weights: [ints('three', [3]), ints('batch', [0]), ints('rest', [-1])],
      ops: ['Relu', 'Reshape'],
      rank: 3,
    },
    'a channel shuffle as ShuffleNet writes it': {
      nodes: [
        op('Relu', ['x'], 'r'),
        op('Reshape', ['r', 'groups'], 'g'),
        transpose('g', 't', 0, 2, 1, 3, 4),
        op('Reshape', ['t', 'back'], 'y'),
      ],
      weights: [ints('groups', [0, 2, 2, 6, 6]), ints('back', [0, -1, 6, 6])],
      ops: ['Relu', 'Gather'],
      rank: 4,
    },
    'channels parted, reversed, and joined': {
      nodes: [
        { op: 'Split', inputs: ['x', 'parts'], outputs: ['a', 'b'], attributes: { axis: { int: 1 } } },
        op('Slice', ['b', 'start', 'end', 'one', 'back'], 'c'),
        op('Concat', ['c', 'a'], 'y', { axis: { int: 1 } }),
      ],
      weights: [
        ints('parts', [1, 3]),
        ints('start', [-1]),
        ints('end', [-1000]),
        ints('one', [1]),
        ints('back', [-1]),
      ],
      ops: ['Gather', 'Gather', 'Gather', 'Concat'],
      rank: 4,
    },
    'rows and columns cut, one of two parts read, with channels last': {
      nodes: [
        transpose('x', 'a', ...last),
        op('Slice', ['a', 'start', 'end'], 'b'),
        { op: 'Split', inputs: ['b'], outputs: ['unread', 'c'], attributes: { axis: { int: 3 } } },
        transpose('c', 'y', ...first),
      ],
      weights: [ints('start', [0, 1, 2]), ints('end', [2 ** 40, 5, 6])],
      ops: ['Gather', 'Gather', 'Gather', 'Identity'],
      rank: 4,
    },
    'one channel, without its axis': {
      nodes: [op('Gather', ['x', 'two'], 'y', { axis: { int: 1 } })],
      weights: [ints('two', [-2], [])],
      ops: ['Gather', 'Reshape'],
      rank: 3,
    },
    'Split of opset 11, its sizes an attribute': {
      nodes: [
        {
          op: 'Split',
          inputs: ['x'],
          outputs: ['y', 'z'],
          attributes: { axis: { int: 1 }, split: { ints: [3, 1] } },
        },
      ],
      weights: [],
      ops: ['Gather'],
      rank: 4,
      opset: 11,
    },
  });
});

describe('an image with channels last becomes one with channels first', () => {
  const image = [6, 5, 3];
  const x = normals(90, seededRng('x'));
  const channelsFirst = Float32Array.from({ length: 90 }, (_, i) => {
    const [c, place] = [Math.floor(i / 30), i % 30];
    return x[place * 3 + c]!;
  });

  test('brought into order by a Transpose, after arithmetic', async () => {
    const nodes = [
      op('Sub', ['x', 'mean'], 'a'),
      transpose('a', 'b', ...first),
      op('Conv', ['b', 'w'], 'c'),
      transpose('c', 'd', ...last),
      op('Relu', ['d'], 'e'),
      op('Reshape', ['e', 'flat'], 'f'),
      op('MatMul', ['f', 'm'], 'y'),
    ];
    const weights = [
      floats('mean', [3]),
      floats('w', [4, 3, 3, 3]),
      ints('flat', [-1, 48]),
      floats('m', [48, 3]),
    ];
    const bytes = rawModel(['N', ...image], nodes, weights, 2);
    const reference = await runFile(bytes, x, [1, ...image]);
    const { model, notes } = readReport(bytes, 'last.onnx');
    expect(model!.graph.inputs[0]!.shape).toEqual([3, 6, 5]);
    expect(notes).toEqual([
      'its input x is height x width x channels in the file; here it is channels x height x width',
    ]);
    const y = await predict(model!, channelsFirst, 1, { threads: 1 });
    expect(maximumDifference(y, reference.data)).toBeLessThan(1e-4);
  });

  test('a single channel brought into order by a Reshape', async () => {
    const nodes = [op('Reshape', ['x', 'first'], 'a'), op('Conv', ['a', 'w'], 'y')];
    const bytes = rawModel(['N', 6, 5, 1], nodes, [ints('first', [-1, 1, 6, 5]), floats('w', [2, 1, 3, 3])]);
    const model = readModel(bytes, 'grey.onnx');
    expect(model.graph.inputs[0]!.shape).toEqual([1, 6, 5]);
    expect(model.graph.nodes.map((node) => node.op)).toEqual(['Conv']);
    const grey = normals(30, seededRng('grey'));
    const reference = await runFile(bytes, grey, [1, 6, 5, 1]);
    const y = await predict(model, grey, 1, { threads: 1 });
    expect(maximumDifference(y, reference.data)).toBeLessThan(1e-5);
  });

  test('an image that a convolution reads as it is stays as it is', () => {
    const nodes = [op('Conv', ['x', 'w'], 'c'), transpose('c', 'd', ...first), op('Relu', ['d'], 'y')];
    const model = readModel(rawModel(['N', 3, 6, 5], nodes, [floats('w', [2, 3, 3, 3])]), 'first.onnx');
    expect(model.graph.inputs[0]!.shape).toEqual([3, 6, 5]);
    expect(sizeOf(model.graph.outputs[0]!.shape)).toBe(24);
  });
});

const refused: Record<string, [readonly RawNode[], readonly RawTensor[], RegExp]> = {
  'a Transpose of the batch': [[transpose('x', 'y', 1, 0, 2, 3)], [], /moves the batch/],
  'a slice of the batch': [
    [op('Slice', ['x', 'zero', 'one', 'zero'], 'y')],
    [ints('zero', [0]), ints('one', [1])],
    /axis 0 is the batch's/,
  ],
  'a channel picked twice': [
    [op('Gather', ['x', 'i'], 'y', { axis: { int: 1 } })],
    [ints('i', [1, 1])],
    /an index occurs twice/,
  ],
  'parts that do not make the whole': [
    [{ op: 'Split', inputs: ['x', 'parts'], outputs: ['y', 'z'], attributes: { axis: { int: 1 } } }],
    [ints('parts', [1, 2])],
    /its parts \[1, 2\] are not 2 that make 4/,
  ],
};

test.each(Object.entries(refused))('%s is refused', (_name, [nodes, weights, reason]) => {
  const { unsupported } = readReport(rawModel(['N', 4, 6, 6], nodes, weights), 'refused.onnx');
  expect(unsupported.map((node) => node.reason)).toEqual([expect.stringMatching(reason)]);
});
