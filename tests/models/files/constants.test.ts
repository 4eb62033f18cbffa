import { describe } from 'vitest';
import type { RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import {
  exportedShape as shape,
  exportedWeight as weight,
  flattenByShape,
  flattenConstants,
  testExported,
} from '../../helpers/networks/exported.ts';
import { sizeOf } from '../../../models/tensor.ts';
import { floats, ints } from '../../helpers/networks/onnx.ts';

function constantNode(tensor: RawTensor): RawNode {
  return { op: 'Constant', inputs: [], outputs: [tensor.name], attributes: { value: { tensor } } };
}

describe('weights and shapes that exporters compute are constants', () => {
  testExported({
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
      weights: flattenConstants,
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
      weights: [floats('m', [3, sizeOf(shape)]), floats('b', [3])],
      ops: ['Flatten', 'MatMul', 'Add'],
      rank: 2,
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
  });
});
