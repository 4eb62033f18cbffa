import { describe, expect, test } from 'vitest';
import { readReport } from '../../../models/files/read.ts';
import type { RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import {
  atOpset,
  exportedShape as shape,
  exportedWeight as weight,
  flattenByShape,
  flattenConstants,
  scalar,
  testExported,
} from '../../helpers/exported.ts';
import { floats, ints, rawModel, runFile } from '../../helpers/onnx.ts';
import { predict } from '../../../models/runtime/run.ts';
import { argmax } from '../../../models/tensor.ts';

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

describe('what exporters write is read, and means the same', () => {
  testExported({
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
    'the mean over the width, then over the height': {
      nodes: [
        {
          op: 'ReduceMean',
          inputs: ['x'],
          outputs: ['r'],
          attributes: { axes: { ints: [3] }, keepdims: { int: 0 } },
        },
        {
          op: 'ReduceMean',
          inputs: ['r'],
          outputs: ['y'],
          attributes: { axes: { ints: [2] }, keepdims: { int: 0 } },
        },
      ],
      weights: [],
      ops: ['AveragePool', 'Reshape', 'Reshape', 'GlobalAveragePool', 'Flatten'],
      rank: 2,
    },
    'the mean over the height, which stays': {
      nodes: [{ op: 'ReduceMean', inputs: ['x'], outputs: ['y'], attributes: { axes: { ints: [2] } } }],
      weights: [],
      ops: ['AveragePool'],
      rank: 4,
    },
    'the maximum over height and width': {
      nodes: [
        {
          op: 'ReduceMax',
          inputs: ['x'],
          outputs: ['y'],
          attributes: { axes: { ints: [2, 3] }, keepdims: { int: 0 } },
        },
      ],
      weights: [],
      ops: ['MaxPool', 'Flatten'],
      rank: 2,
    },
    'the sum over height and width': {
      nodes: [
        { op: 'ReduceSum', inputs: ['x', 'axes'], outputs: ['y'], attributes: { keepdims: { int: 0 } } },
      ],
      weights: [ints('axes', [2, 3])],
      ops: ['GlobalAveragePool', 'Mul', 'Flatten'],
      rank: 2,
    },
    'a Squeeze for each axis': {
      nodes: [
        { op: 'GlobalAveragePool', inputs: ['x'], outputs: ['p'] },
        { op: 'Squeeze', inputs: ['p', 'last'], outputs: ['q'] },
        { op: 'Squeeze', inputs: ['q', 'last'], outputs: ['y'] },
      ],
      weights: [ints('last', [-1])],
      ops: ['GlobalAveragePool', 'Reshape', 'Flatten'],
      rank: 2,
    },
    'zeros of the shape of a value': {
      nodes: [
        { op: 'Shape', inputs: ['x'], outputs: ['s'] },
        { op: 'ConstantOfShape', inputs: ['s'], outputs: ['zeros'] },
        { op: 'Max', inputs: ['x', 'zeros'], outputs: ['y'] },
      ],
      weights: [],
      ops: ['Relu'],
      rank: 4,
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
    'Squeeze without axes': {
      nodes: [
        { op: 'GlobalAveragePool', inputs: ['x'], outputs: ['p'] },
        { op: 'Squeeze', inputs: ['p'], outputs: ['y'] },
      ],
      weights: [],
      ops: ['GlobalAveragePool', 'Flatten'],
      rank: 2,
    },
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
        { op: 'LeakyRelu', inputs: ['x'], outputs: ['l'] },
        { op: 'Sub', inputs: ['r', 'l'], outputs: ['y'] },
      ],
      weights: [],
      ops: ['Relu', 'LeakyRelu', 'Sub'],
      rank: 4,
    },
    'Gelu in parts': {
      nodes: [
        { op: 'Div', inputs: ['x', 'root'], outputs: ['d'] },
        { op: 'Erf', inputs: ['d'], outputs: ['e'] },
        { op: 'Add', inputs: ['e', 'one'], outputs: ['s'] },
        { op: 'Mul', inputs: ['x', 's'], outputs: ['p'] },
        { op: 'Mul', inputs: ['p', 'half'], outputs: ['y'] },
      ],
      weights: [scalar('root', Math.SQRT2), scalar('one', 1), scalar('half', 0.5)],
      ops: ['Gelu'],
      rank: 4,
    },
    'Gelu, x / 2 first': {
      nodes: [
        { op: 'Mul', inputs: ['x', 'half'], outputs: ['p'] },
        { op: 'Mul', inputs: ['x', 'root'], outputs: ['d'] },
        { op: 'Erf', inputs: ['d'], outputs: ['e'] },
        { op: 'Add', inputs: ['one', 'e'], outputs: ['s'] },
        { op: 'Mul', inputs: ['p', 's'], outputs: ['y'] },
      ],
      weights: [scalar('root', Math.SQRT1_2), scalar('one', 1), scalar('half', 0.5)],
      ops: ['Gelu'],
      rank: 4,
    },
    'no Gelu: erf(x) without the root': {
      nodes: [
        { op: 'Erf', inputs: ['x'], outputs: ['e'] },
        { op: 'Add', inputs: ['e', 'one'], outputs: ['s'] },
        { op: 'Mul', inputs: ['x', 's'], outputs: ['p'] },
        { op: 'Mul', inputs: ['p', 'half'], outputs: ['y'] },
      ],
      weights: [scalar('one', 1), scalar('half', 0.5)],
      ops: ['Erf', 'Add', 'Mul', 'Mul'],
      rank: 4,
    },
    'the maximum of three values and a number': {
      nodes: [
        { op: 'LeakyRelu', inputs: ['x'], outputs: ['l'] },
        { op: 'Neg', inputs: ['x'], outputs: ['n'] },
        { op: 'Max', inputs: ['n', 'quarter', 'l', 'x'], outputs: ['y'] },
      ],
      weights: [scalar('quarter', 0.25)],
      ops: ['LeakyRelu', 'Mul', 'Sub', 'Relu', 'Add', 'Sub', 'Relu', 'Add', 'Clip'],
      rank: 4,
    },
    'the minimum of two values': {
      nodes: [
        { op: 'LeakyRelu', inputs: ['x'], outputs: ['l'] },
        { op: 'Min', inputs: ['x', 'l'], outputs: ['y'] },
      ],
      weights: [],
      ops: ['LeakyRelu', 'Sub', 'Relu', 'Sub'],
      rank: 4,
    },
    'the maximum with a constant per channel, the minimum with one per place': {
      nodes: [
        { op: 'Max', inputs: ['x', 'channels'], outputs: ['m'] },
        { op: 'Min', inputs: ['places', 'm'], outputs: ['y'] },
      ],
      weights: [floats('channels', [4, 1, 1]), floats('places', [6, 6])],
      ops: ['Add', 'Relu', 'Add', 'Add', 'Relu', 'Sub'],
      rank: 4,
    },
    'Where with a comparison of its values': {
      nodes: [
        { op: 'LeakyRelu', inputs: ['x'], outputs: ['l'] },
        { op: 'Less', inputs: ['l', 'x'], outputs: ['b'] },
        { op: 'Where', inputs: ['b', 'l', 'x'], outputs: ['y'] },
      ],
      weights: [],
      ops: ['LeakyRelu', 'Sub', 'Relu', 'Sub'],
      rank: 4,
    },
    'Where as ReLU and as leaky ReLU': {
      nodes: [
        { op: 'Greater', inputs: ['x', 'zero'], outputs: ['b'] },
        { op: 'Where', inputs: ['b', 'x', 'zero'], outputs: ['r'] },
        { op: 'Sub', inputs: ['r', 'half'], outputs: ['s'] },
        { op: 'LessOrEqual', inputs: ['zero', 's'], outputs: ['c'] },
        { op: 'Mul', inputs: ['s', 'half'], outputs: ['m'] },
        { op: 'Where', inputs: ['c', 's', 'm'], outputs: ['y'] },
      ],
      weights: [scalar('zero', 0), scalar('half', 0.5)],
      ops: ['Relu', 'Add', 'Mul', 'LeakyRelu'],
      rank: 4,
    },
    'Where with zeros of the value: zeros_like, zeros of its shape, Expand, and the comparison turned round':
      {
        nodes: [
          { op: 'Shape', inputs: ['x'], outputs: ['shape'] },
          { op: 'ConstantOfShape', inputs: ['shape'], outputs: ['zeros'] },
          { op: 'GreaterOrEqual', inputs: ['x', 'zero'], outputs: ['b'] },
          { op: 'Where', inputs: ['b', 'x', 'zeros'], outputs: ['r'] },
          { op: 'Sub', inputs: ['r', 'half'], outputs: ['s'] },
          { op: 'Less', inputs: ['s', 'stored'], outputs: ['c'] },
          { op: 'Where', inputs: ['c', 'zero', 's'], outputs: ['t'] },
          { op: 'Sub', inputs: ['half', 't'], outputs: ['u'] },
          { op: 'Expand', inputs: ['zero', 'shape'], outputs: ['expanded'] },
          { op: 'Less', inputs: ['u', 'expanded'], outputs: ['d'] },
          { op: 'Not', inputs: ['d'], outputs: ['e'] },
          { op: 'Where', inputs: ['e', 'u', 'stored'], outputs: ['y'] },
        ],
        weights: [
          scalar('zero', 0),
          scalar('half', 0.5),
          { name: 'stored', dtype: 'float32', shape: [1, ...shape], data: new Float32Array(144) },
        ],
        ops: ['Relu', 'Add', 'Relu', 'Mul', 'Add', 'Relu'],
        rank: 4,
      },
    'Where as leaky ReLU of what is below 0, and as the minimum with 0': {
      nodes: [
        { op: 'Mul', inputs: ['x', 'half'], outputs: ['m'] },
        { op: 'Less', inputs: ['x', 'zero'], outputs: ['b'] },
        { op: 'Where', inputs: ['b', 'm', 'x'], outputs: ['l'] },
        { op: 'Greater', inputs: ['l', 'zero'], outputs: ['c'] },
        { op: 'Where', inputs: ['c', 'zero', 'l'], outputs: ['y'] },
      ],
      weights: [scalar('zero', 0), scalar('half', 0.5)],
      ops: ['Mul', 'LeakyRelu', 'Clip'],
      rank: 4,
    },
    'products of values and comparisons: as floats by Cast, and by Where from 1 and 0': {
      nodes: [
        { op: 'Greater', inputs: ['x', 'zero'], outputs: ['b'] },
        { op: 'Cast', inputs: ['b'], outputs: ['mask'], attributes: { to: { int: 1 } } },
        { op: 'Mul', inputs: ['mask', 'x'], outputs: ['r'] },
        { op: 'Sub', inputs: ['r', 'half'], outputs: ['s'] },
        { op: 'Less', inputs: ['s', 'zero'], outputs: ['c'] },
        { op: 'Where', inputs: ['c', 'zero', 'one'], outputs: ['step'] },
        { op: 'Mul', inputs: ['s', 'step'], outputs: ['t'] },
        { op: 'Sub', inputs: ['half', 't'], outputs: ['u'] },
        { op: 'Less', inputs: ['u', 'zero'], outputs: ['d'] },
        { op: 'Cast', inputs: ['d'], outputs: ['whole'], attributes: { to: { int: 7 } } },
        { op: 'Cast', inputs: ['whole'], outputs: ['below'], attributes: { to: { int: 1 } } },
        { op: 'Mul', inputs: ['u', 'below'], outputs: ['y'] },
      ],
      weights: [scalar('zero', 0), scalar('half', 0.5), scalar('one', 1)],
      ops: ['Relu', 'Add', 'Relu', 'Mul', 'Add', 'Clip'],
      rank: 4,
    },
    'Where with a constant for each channel: a maximum': {
      nodes: [
        { op: 'Greater', inputs: ['x', 'channels'], outputs: ['b'] },
        { op: 'Where', inputs: ['b', 'x', 'channels'], outputs: ['y'] },
      ],
      weights: [floats('channels', [4, 1, 1])],
      ops: ['Add', 'Relu', 'Add'],
      rank: 4,
    },
    'Where with a constant condition: a masked ReLU': {
      nodes: [
        { op: 'Relu', inputs: ['x'], outputs: ['r'] },
        { op: 'Where', inputs: ['mask', 'r', 'x'], outputs: ['y'] },
      ],
      weights: [
        {
          name: 'mask',
          dtype: 'bool',
          shape: [4, 6, 6],
          data: Uint8Array.from({ length: 144 }, (_, i) => i % 2),
        },
      ],
      ops: ['MixedActivation'],
      rank: 4,
    },
    'Where with a constant condition and constant values': {
      nodes: [
        { op: 'Where', inputs: ['mask', 'x', 'c'], outputs: ['a'] },
        { op: 'Where', inputs: ['mask', 'd', 'a'], outputs: ['y'] },
      ],
      weights: [
        { name: 'mask', dtype: 'bool', shape: [4, 1, 1], data: Uint8Array.of(1, 0, 0, 1) },
        floats('c', [6, 6]),
        scalar('d', 0.5),
      ],
      ops: ['Mul', 'Add', 'Mul', 'Add'],
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
    'a dead branch that is not supported': {
      nodes: [
        { op: 'Celu', inputs: ['x'], outputs: ['unused'] },
        { op: 'Relu', inputs: ['x'], outputs: ['y'] },
      ],
      weights: [],
      ops: ['Relu'],
      rank: 4,
    },
  });
});

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

describe('what comes after the logits is taken off, with a note', () => {
  const net = [
    { op: 'GlobalAveragePool', inputs: ['x'], outputs: ['p'] },
    { op: 'Flatten', inputs: ['p'], outputs: ['f'] },
  ];
  const ending = (op: string, axis?: number): RawNode => {
    const attributes = axis === undefined ? {} : { axis: { int: axis } };
    return { op, inputs: ['f'], outputs: ['y'], attributes };
  };
  const x = floats('x', [5, ...shape]).data;

  test.each<[string, number | undefined]>([
    ['Softmax', undefined],
    ['Softmax', 1],
    ['LogSoftmax', -1],
    ['ArgMax', 1],
  ])('%s over axis %s: the class is the same', async (op, axis) => {
    const bytes = rawModel(['N', ...shape], [...net, ending(op, axis)], [], 2);
    const { model, notes } = readReport(bytes, 'exported.onnx');
    expect(notes).toEqual([`y (${op}) at its end is taken off: the outputs are the logits`]);
    const logits = rawModel(['N', ...shape], [net[0]!, { ...net[1]!, outputs: ['y'] }], [], 2);
    const wanted = await runFile(logits, x, [5, ...shape]);
    const y = await predict(model!, x, 5, { threads: 1 });
    expect(y).toEqual(wanted.data);
    if (op === 'ArgMax') return;
    const { data } = await runFile(bytes, x, [5, ...shape]);
    for (let i = 0; i < 5; i++) {
      const [ours, theirs] = [y, data].map((all) => argmax(all.subarray(4 * i, 4 * i + 4)));
      expect(ours).toBe(theirs);
    }
  });

  test('a Softmax and an ArgMax of it', () => {
    const nodes = [
      ...net,
      { ...ending('Softmax', 1), outputs: ['s'] },
      { ...ending('ArgMax', 1), inputs: ['s'] },
    ];
    const { model, notes } = readReport(rawModel(['N', ...shape], nodes, [], 2), 'exported.onnx');
    expect(model!.graph.nodes.map(({ op }) => op).slice(0, 2)).toEqual(['GlobalAveragePool', 'Flatten']);
    expect(notes).toHaveLength(2);
    const wrong = [...nodes.slice(0, 3), { ...ending('ArgMax', 0), inputs: ['s'] }];
    const { unsupported } = readReport(rawModel(['N', ...shape], wrong, [], 1), 'exported.onnx');
    expect(unsupported.map(({ op }) => op)).toEqual(['ArgMax']);
  });

  test('over the batch, over places or before another node it stays refused', () => {
    const reasons = (nodes: readonly RawNode[]) =>
      readReport(rawModel(['N', ...shape], nodes), 'exported.onnx').unsupported.map(({ reason }) => reason);
    const refused = /only one over the classes at the end can be taken off/;
    for (const nodes of [
      [...net, ending('Softmax', 0)],
      [{ ...ending('Softmax', 1), inputs: ['x'] }],
      [...net, { ...ending('Softmax', 1), outputs: ['s'] }, { op: 'Relu', inputs: ['s'], outputs: ['y'] }],
    ])
      expect(reasons(nodes)).toEqual([expect.stringMatching(refused)]);
    const behind: RawNode = { op: 'Mish', inputs: ['p'], outputs: ['q'] };
    const nodes = [net[0]!, behind, { ...net[1]!, inputs: ['q'] }, ending('Softmax', 1)];
    expect(reasons(nodes)).toEqual([expect.stringMatching(/this op is not supported/)]);
    expect(reasons([...net, ending('ArgMax', 0)])).toEqual([expect.stringMatching(/not supported/)]);
  });
});
