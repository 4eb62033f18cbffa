import { describe, expect, test } from 'vitest';
import { normals } from '../../models/architectures/init.ts';
import { readModel } from '../../models/files/read.ts';
import type { RawNode, RawTensor } from '../../models/onnx/raw.ts';
import { predict } from '../../models/runtime/run.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { parsePlan, planHash, serialisePlan } from '../../pipelines/plan/codec.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { simulate } from '../../pipelines/simulate/simulate.ts';
import { scalar } from '../helpers/networks/exported.ts';
import { floats, ints, rawModel, runFile } from '../helpers/networks/onnx.ts';
import { seededRng } from '../helpers/rng.ts';

/**
 * Forms in which files have what the protocol can do: from v [N, 4, 6, 6], which a convolution computes, to w.
 * The network ends with a mean and a linear layer.
 */
type Form = { readonly nodes: readonly RawNode[]; readonly weights?: readonly RawTensor[] };

const op = (name: string, inputs: string[], output: string, attributes?: RawNode['attributes']): RawNode => ({
  op: name,
  inputs,
  outputs: [output],
  ...(attributes !== undefined && { attributes }),
});

/** A BatchNormalization with `statistics` of as many channels as its input has. */
function norm(x: string, y: string): RawNode {
  return op('BatchNormalization', [x, 's', 'b', 'mean', 'variance'], y);
}

function statistics(channels: number): RawTensor[] {
  const variance = Float32Array.from({ length: channels }, (_, i) => 0.5 + i / channels);
  const [s, b, mean] = ['s', 'b', 'mean'].map((name) => floats(name, [channels]));
  return [s!, b!, mean!, { name: 'variance', dtype: 'float32', shape: [channels], data: variance }];
}

const forms: Readonly<Record<string, Form>> = {
  Abs: { nodes: [op('Abs', ['v'], 'w')] },
  'the maximum of two values': {
    nodes: [op('LeakyRelu', ['v'], 'l', { alpha: { float: -0.5 } }), op('Max', ['v', 'l'], 'w')],
  },
  'the minimum of a value and a constant': {
    nodes: [op('Min', ['v', 'c'], 'w')],
    weights: [floats('c', [4, 1, 1])],
  },
  'the difference of values of different scale': {
    nodes: [
      op('Relu', ['v'], 'r'),
      op('AveragePool', ['r'], 'p', { kernel_shape: { ints: [3, 3] }, pads: { ints: [1, 1, 1, 1] } }),
      op('Sub', ['v', 'p'], 'w'),
    ],
  },
  'Where with a comparison': {
    nodes: [
      op('Relu', ['v'], 'r'),
      op('Mul', ['v', 'half'], 'h'),
      op('Greater', ['r', 'h'], 'b'),
      op('Where', ['b', 'h', 'r'], 'w'),
    ],
    weights: [scalar('half', 0.5)],
  },
  'ReLUs as Where with zeros and as products with comparisons': {
    nodes: [
      op('GreaterOrEqual', ['v', 'zero'], 'b'),
      op('Where', ['b', 'v', 'zeros'], 'r'),
      op('Sub', ['r', 'half'], 's'),
      op('Greater', ['s', 'zero'], 'c'),
      op('Cast', ['c'], 'mask', { to: { int: 1 } }),
      op('Mul', ['s', 'mask'], 'w'),
    ],
    weights: [
      scalar('zero', 0),
      scalar('half', 0.5),
      { name: 'zeros', dtype: 'float32', shape: [1, 4, 6, 6], data: new Float32Array(144) },
    ],
  },
  'a channel shuffle': {
    nodes: [
      op('Reshape', ['v', 'groups'], 'a'),
      op('Transpose', ['a'], 'b', { perm: { ints: [0, 2, 1, 3, 4] } }),
      op('Reshape', ['b', 'back'], 'w'),
    ],
    weights: [ints('groups', [0, 2, 2, 6, 6]), ints('back', [0, 4, 6, 6])],
  },
  'height and width exchanged': {
    nodes: [op('Transpose', ['v'], 'w', { perm: { ints: [0, 1, 3, 2] } })],
  },
  'a hard sigmoid': {
    nodes: [op('HardSigmoid', ['v'], 'w', { alpha: { float: 1 / 6 }, beta: { float: 0.5 } })],
  },
  'a hard swish': { nodes: [op('HardSwish', ['v'], 'w')] },
  'a product of two values': {
    nodes: [op('LeakyRelu', ['v'], 'l'), op('Relu', ['v'], 'r'), op('Mul', ['l', 'r'], 'w')],
  },
  'a large value times a small one': {
    nodes: [
      op('HardSigmoid', ['v'], 'h', { alpha: { float: 0.2 } }),
      op('Mul', ['v', 'hundred'], 'l'),
      op('Mul', ['h', 'l'], 'w'),
    ],
    weights: [scalar('hundred', 100)],
  },
  'a product before a large average': {
    nodes: [
      op('ConvTranspose', ['v', 'up'], 'u', { strides: { ints: [4, 4] } }),
      op('Relu', ['u'], 'r'),
      op('HardSigmoid', ['u'], 'h', { alpha: { float: 0.2 } }),
      op('Mul', ['r', 'h'], 'p'),
      op('GlobalAveragePool', ['p'], 'w'),
    ],
    weights: [floats('up', [4, 4, 4, 4])],
  },
  'squeeze and excitation: gates of channels': {
    nodes: [
      op('Relu', ['v'], 'r'),
      op('GlobalAveragePool', ['r'], 'p'),
      op('Conv', ['p', 'squeeze'], 'a'),
      op('Relu', ['a'], 'b'),
      op('Conv', ['b', 'excite'], 'c'),
      op('HardSigmoid', ['c'], 'gates', { alpha: { float: 1 / 6 } }),
      op('Mul', ['gates', 'r'], 'w'),
    ],
    weights: [floats('squeeze', [2, 4, 1, 1]), floats('excite', [4, 2, 1, 1])],
  },
  'gates of places, the same for all channels': {
    nodes: [op('Conv', ['v', 'k1'], 'a'), op('HardSigmoid', ['a'], 'gates'), op('Mul', ['v', 'gates'], 'w')],
    weights: [floats('k1', [1, 4, 1, 1])],
  },
  'a transposed convolution': {
    nodes: [
      op('Relu', ['v'], 'r'),
      op('ConvTranspose', ['r', 'up', 'b'], 'w', { strides: { ints: [2, 2] }, pads: { ints: [1, 1, 1, 1] } }),
    ],
    weights: [floats('up', [4, 4, 4, 4]), floats('b', [4])],
  },
  'a batch norm behind an activation': {
    nodes: [op('Relu', ['v'], 'r'), norm('r', 'w')],
    weights: statistics(4),
  },
  'a batch norm behind a pool, and a padded convolution behind it': {
    nodes: [
      op('MaxPool', ['v'], 'p', { kernel_shape: { ints: [2, 2] } }),
      norm('p', 'q'),
      op('Conv', ['q', 'k2'], 'w', { pads: { ints: [1, 1, 1, 1] } }),
    ],
    weights: [...statistics(4), floats('k2', [4, 4, 3, 3])],
  },
  'a batch norm of pixels, and a padded convolution behind it': {
    nodes: [
      norm('x', 'q'),
      op('Conv', ['q', 'k2'], 'c', { pads: { ints: [1, 1, 1, 1] } }),
      op('Add', ['c', 'v'], 'w'),
    ],
    weights: [...statistics(2), floats('k2', [4, 2, 3, 3])],
  },
  'two batch norms of one value, in branches, and one of their sum': {
    nodes: [
      op('Conv', ['v', 'point'], 'a'),
      norm('a', 'n'),
      op('Relu', ['n'], 'r'),
      norm('v', 'o'),
      op('Add', ['r', 'o'], 'sum'),
      norm('sum', 'w'),
    ],
    weights: [...statistics(4), floats('point', [4, 4, 1, 1])],
  },
  'a batch norm of joined channels': {
    nodes: [
      op('Relu', ['v'], 'r'),
      op('Concat', ['r', 'v'], 'both', { axis: { int: 1 } }),
      norm('both', 'q'),
      op('Relu', ['q'], 't'),
      op('Conv', ['t', 'point'], 'w'),
    ],
    weights: [...statistics(8), floats('point', [4, 8, 1, 1])],
  },
  'channels reversed': {
    nodes: [op('Gather', ['v', 'i'], 'w', { axis: { int: 1 } })],
    weights: [ints('i', [3, 2, 1, 0])],
  },
};

const conv: RawNode = op('Conv', ['x', 'k'], 'v', { pads: { ints: [1, 1, 1, 1] } });
const ends = [
  op('Relu', ['w'], 'w.relu'),
  op('GlobalAveragePool', ['w.relu'], 'g'),
  op('Flatten', ['g'], 'f'),
  op('Gemm', ['f', 'm'], 'y'),
];

const n = 4;
const input = [2, 6, 6];
const images = normals(n * 72, seededRng('images'));

describe('forms of files run in the integers of the protocol', () => {
  test.each(Object.entries(forms))('%s', async (_name, { nodes, weights = [] }) => {
    const all = [floats('k', [4, 2, 3, 3]), floats('m', [4, 3]), ...weights];
    const file = rawModel(['N', ...input], [conv, ...nodes, ...ends], all, 2);
    const model = readModel(file, 'form.onnx');
    const reference = await runFile(file, images, [n, ...input]);
    const float = await predict(model, images, n, { threads: 1 });
    expect(worst(float, reference.data)).toBeLessThan(1e-4);
    const made = await prepare(model, { calibration: { images, n } });
    const plan = parsePlan(serialisePlan(made.plan));
    expect(planHash(plan)).toBe(planHash(made.plan));
    const integer = await simulate(plan, made.weights, images, n, seededRng('shares'));
    const largest = float.reduce((most, y) => Math.max(most, Math.abs(y)), 0);
    expect(worst(float, integer)).toBeLessThan(Math.min(logitErrorBound(made).likely, largest / 50));
  });
});

function worst(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, y, i) => Math.max(most, Math.abs(y - b[i]!)), 0);
}
