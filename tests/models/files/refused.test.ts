import { describe, expect, test } from 'vitest';
import { readReport } from '../../../models/files/read.ts';
import type { RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import {
  atOpset,
  exportedShape as shape,
  flattenByShape,
  flattenConstants,
  scalar,
} from '../../helpers/networks/exported.ts';
import { floats, ints, rawModel } from '../../helpers/networks/onnx.ts';

describe('what would mean something else is refused', () => {
  const refused: Record<string, [readonly RawNode[], readonly RawTensor[], RegExp]> = {
    'a comparison that nothing chooses by': [
      [
        { op: 'Greater', inputs: ['x', 'zero'], outputs: ['b'] },
        { op: 'Cast', inputs: ['b'], outputs: ['y'], attributes: { to: { int: 1 } } },
      ],
      [scalar('zero', 0)],
      /result of a comparison/,
    ],
    'a mask of another value than the one it multiplies': [
      [
        { op: 'Relu', inputs: ['x'], outputs: ['r'] },
        { op: 'Greater', inputs: ['x', 'zero'], outputs: ['b'] },
        { op: 'Cast', inputs: ['b'], outputs: ['mask'], attributes: { to: { int: 1 } } },
        { op: 'Mul', inputs: ['r', 'mask'], outputs: ['y'] },
      ],
      [scalar('zero', 0)],
      /only a constant condition, or a choice between the two values that are compared/,
    ],
    'a product with a comparison that jumps': [
      [
        { op: 'Greater', inputs: ['x', 'half'], outputs: ['b'] },
        { op: 'Cast', inputs: ['b'], outputs: ['mask'], attributes: { to: { int: 1 } } },
        { op: 'Mul', inputs: ['mask', 'x'], outputs: ['y'] },
      ],
      [scalar('half', 0.5)],
      /only a constant condition, or a choice between the two values that are compared/,
    ],
    'a product of two comparisons': [
      [
        { op: 'Greater', inputs: ['x', 'zero'], outputs: ['b'] },
        { op: 'Cast', inputs: ['b'], outputs: ['mask'], attributes: { to: { int: 1 } } },
        { op: 'Mul', inputs: ['mask', 'mask'], outputs: ['y'] },
      ],
      [scalar('zero', 0)],
      /it multiplies two comparisons/,
    ],
    'a sum with a comparison': [
      [
        { op: 'Greater', inputs: ['x', 'zero'], outputs: ['b'] },
        { op: 'Cast', inputs: ['b'], outputs: ['mask'], attributes: { to: { int: 1 } } },
        { op: 'Add', inputs: ['mask', 'x'], outputs: ['y'] },
      ],
      [scalar('zero', 0)],
      /only Where, Mul, Not and Cast may read one/,
    ],
    'zeros that make the value larger': [
      [
        { op: 'GlobalAveragePool', inputs: ['x'], outputs: ['p'] },
        { op: 'Greater', inputs: ['p', 'zero'], outputs: ['b'] },
        { op: 'Where', inputs: ['b', 'p', 'zeros'], outputs: ['y'] },
      ],
      [scalar('zero', 0), { name: 'zeros', dtype: 'float32', shape, data: new Float32Array(144) }],
      /only a constant condition, or a choice between the two values that are compared/,
    ],
    'a choice of other values than are compared: a threshold with a jump': [
      [
        { op: 'Greater', inputs: ['x', 'half'], outputs: ['b'] },
        { op: 'Where', inputs: ['b', 'x', 'zero'], outputs: ['y'] },
      ],
      [scalar('zero', 0), scalar('half', 0.5)],
      /only a constant condition, or a choice between the two values that are compared/,
    ],
    'the batch moved into the features': [
      [
        ...flattenByShape.slice(0, 3),
        { ...flattenByShape[3]!, inputs: ['rest', 'batches'] },
        flattenByShape[4]!,
      ],
      flattenConstants,
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
    'the maximum over all axes': [
      [{ op: 'ReduceMax', inputs: ['x'], outputs: ['y'] }],
      [],
      /the maximum over all axes joins the images of a batch/,
    ],
    'a Squeeze of the batch': [
      [{ op: 'Squeeze', inputs: ['x', 'batch'], outputs: ['y'] }],
      [ints('batch', [0])],
      /only axes of one element behind the batch can be squeezed, not \[0\]/,
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
    'a Squeeze without axes of a single channel': [
      [
        { op: 'Conv', inputs: ['x', 'one'], outputs: ['c'] },
        { op: 'GlobalAveragePool', inputs: ['c'], outputs: ['p'] },
        { op: 'Squeeze', inputs: ['p'], outputs: ['y'] },
      ],
      [floats('one', [1, 4, 3, 3])],
      /without axes it would squeeze the only channel too/,
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

  test('batch normalization of opset 8 per place', () => {
    const attributes = { spatial: { int: 0 } };
    const nodes = [
      { op: 'BatchNormalization', inputs: ['x', 's', 's', 's', 's'], outputs: ['y'], attributes },
    ];
    const bytes = atOpset(rawModel(['N', ...shape], nodes, [floats('s', shape)]), 8);
    const { unsupported } = readReport(bytes, 'exported.onnx');
    expect(unsupported.map((node) => node.reason)).toEqual(['its attribute spatial is not 1']);
  });
});
