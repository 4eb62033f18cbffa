import { describe } from 'vitest';
import { exportedWeight as weight, testExported } from '../../helpers/networks/exported.ts';
import { floats, ints } from '../../helpers/networks/onnx.ts';

describe('layers as exporters write them are read, and mean the same', () => {
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
