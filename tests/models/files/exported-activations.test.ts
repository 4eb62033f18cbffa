import { describe } from 'vitest';
import { exportedShape as shape, scalar, testExported } from '../../helpers/networks/exported.ts';
import { floats } from '../../helpers/networks/onnx.ts';

describe('activations as exporters write them are read, and mean the same', () => {
  testExported({
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
  });
});
