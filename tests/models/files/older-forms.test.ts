import { describe } from 'vitest';
import type { RawNode } from '../../../models/onnx/raw.ts';
import { exportedWeight as weight, testExported } from '../../helpers/networks/exported.ts';
import { floats, ints } from '../../helpers/networks/onnx.ts';

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
const pooledOps = ['Conv', 'MaxPool', 'LeakyRelu', 'AveragePool', 'Flatten'];

/** The forms of opset 7 to 9: what is an input today is an attribute. `spatial` was one until opset 8. */
function olderForms(opset: number): readonly RawNode[] {
  const spatial = opset < 9 ? { spatial: { int: 1 } } : {};
  const [first, second] = [{ ints: [0] }, { ints: [1] }];
  return [
    {
      op: 'Pad',
      inputs: ['x'],
      outputs: ['padded'],
      attributes: { pads: { ints: [0, 0, 1, 0, 0, 0, 0, 2] }, value: { float: 0.5 } },
    },
    {
      op: 'Clip',
      inputs: ['padded'],
      outputs: ['c'],
      attributes: { min: { float: -1 }, max: { float: 1.5 } },
    },
    { op: 'Clip', inputs: ['c'], outputs: ['low'], attributes: { max: { float: 1.25 } } },
    { op: 'BatchNormalization', inputs: ['low', 's', 's', 's', 'v'], outputs: ['n'], attributes: spatial },
    { op: 'Dropout', inputs: ['n'], outputs: ['d'], attributes: { ratio: { float: 0.3 } } },
    { op: 'Shape', inputs: ['d'], outputs: ['shape'] },
    {
      op: 'Slice',
      inputs: ['shape'],
      outputs: ['batches'],
      attributes: { axes: first, starts: first, ends: second },
    },
    { op: 'Squeeze', inputs: ['batches'], outputs: ['batch'], attributes: { axes: first } },
    { op: 'Unsqueeze', inputs: ['batch'], outputs: ['again'], attributes: { axes: first } },
    { op: 'Concat', inputs: ['again', 'rest'], outputs: ['target'], attributes: { axis: { int: 0 } } },
    { op: 'Reshape', inputs: ['d', 'target'], outputs: ['y'] },
  ];
}

describe('files of opset 7 to 23 are read, and mean the same', () => {
  testExported({
    ...Object.fromEntries(
      [10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23].map((opset) => [
        `opset ${opset}: convolution, activation, poolings with ceil_mode, padding counted`,
        // The activation goes behind the maximum.
        { nodes: pooled, weights: [weight], ops: pooledOps, rank: 2, opset },
      ]),
    ),
    ...Object.fromEntries(
      [7, 8, 9].map((opset) => [
        `opset ${opset}: attributes that are inputs today`,
        {
          nodes: olderForms(opset),
          weights: [
            floats('s', [4]),
            { name: 'v', dtype: 'float32', shape: [4], data: Float32Array.of(1, 2, 3, 4) } as const,
            ints('rest', [-1]),
          ],
          ops: ['Pad', 'Clip', 'Clip', 'BatchNormalization', 'Dropout', 'Reshape'],
          rank: 2,
          opset,
        },
      ]),
    ),
  });
});
