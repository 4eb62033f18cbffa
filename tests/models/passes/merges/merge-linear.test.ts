import { describe, expect, test } from 'vitest';
import { normals } from '../../../../models/architectures/init.ts';
import { verifyModel } from '../../../../models/analysis/shapes.ts';
import type { Model } from '../../../../models/graph.ts';
import { readModel } from '../../../../models/files/read.ts';
import type { RawNode, RawTensor } from '../../../../models/onnx/raw.ts';
import { mergeLinear } from '../../../../models/passes/merges/merge-linear.ts';
import { predict } from '../../../../models/runtime/run.ts';
import { relativeDifference } from '../../../helpers/differences.ts';
import { floats, rawModel } from '../../../helpers/networks/onnx.ts';
import { seededRng } from '../../../helpers/rng.ts';

const always = () => true;

type Conv = {
  readonly channels: number;
  readonly kernel: number;
  readonly stride?: number;
  /** top, left, bottom, right */
  readonly pads?: readonly [number, number, number, number];
  readonly dilation?: number;
  readonly group?: number;
  readonly bias?: boolean;
};

const node = (op: string, inputs: string[], output: string, attributes: RawNode['attributes'] = {}) => ({
  ...{ op, name: output, inputs, outputs: [output] },
  attributes,
});

/** Convolutions one after the other, from x [6, 12, 13] to y, random weights. */
function chain(...convs: Conv[]): Model {
  let channels = 6;
  const weights: RawTensor[] = [];
  const nodes = convs.map((conv, i) => {
    const { stride = 1, pads = [0, 0, 0, 0], dilation = 1, group = 1, bias = true } = conv;
    weights.push(floats(`w${i}`, [conv.channels, channels / group, conv.kernel, conv.kernel]));
    weights.push(floats(`b${i}`, [conv.channels]));
    channels = conv.channels;
    const both = (n: number) => ({ ints: [n, n] });
    const attributes = {
      kernel_shape: both(conv.kernel),
      strides: both(stride),
      dilations: both(dilation),
      pads: { ints: [...pads] },
      group: { int: group },
    };
    const output = i === convs.length - 1 ? 'y' : `h${i}`;
    const inputs = [i === 0 ? 'x' : `h${i - 1}`, `w${i}`, ...(bias ? [`b${i}`] : [])];
    return node('Conv', inputs, output, attributes);
  });
  return readModel(rawModel(['N', 6, 12, 13], nodes, weights), 'chain.onnx');
}

const x = normals(2 * 6 * 12 * 13, seededRng('x'));

async function distance(model: Model, merged: Model): Promise<number> {
  verifyModel(merged);
  return relativeDifference(await predict(merged, x, 2), await predict(model, x, 2));
}

const same = [1, 1, 1, 1] as const;

describe('two convolutions become one that onnxruntime agrees with', () => {
  test.each([
    [
      '3x3 valid after 3x3 with padding',
      [
        { channels: 4, kernel: 3, pads: same },
        { channels: 5, kernel: 3 },
      ],
      5,
      1,
    ],
    [
      '1x1 after 3x3, stride 2',
      [
        { channels: 4, kernel: 3, stride: 2, pads: same },
        { channels: 5, kernel: 1 },
      ],
      3,
      1,
    ],
    [
      'strides of both, dilation of the second',
      [
        { channels: 4, kernel: 3, stride: 2 },
        { channels: 2, kernel: 2, stride: 2, dilation: 2 },
      ],
      7,
      1,
    ],
    [
      'dilations with a divisor',
      [
        { channels: 4, kernel: 2, dilation: 2 },
        { channels: 2, kernel: 2, dilation: 4 },
      ],
      4,
      2,
    ],
    [
      '1x1 with a stride and no bias before padding',
      [
        { channels: 4, kernel: 1, stride: 2, bias: false },
        { channels: 3, kernel: 3, pads: [1, 0, 2, 1] },
      ],
      3,
      2,
    ],
    [
      'depthwise, then 1x1',
      [
        { channels: 6, kernel: 3, pads: same, group: 6 },
        { channels: 5, kernel: 1 },
      ],
      3,
      1,
    ],
    [
      '1x1, then depthwise',
      [
        { channels: 4, kernel: 1 },
        { channels: 8, kernel: 3, group: 4 },
      ],
      3,
      1,
    ],
    [
      'both in three groups',
      [
        { channels: 9, kernel: 2, group: 3 },
        { channels: 6, kernel: 3, group: 3 },
      ],
      4,
      1,
    ],
    [
      'three in a row',
      [
        { channels: 4, kernel: 3 },
        { channels: 5, kernel: 1 },
        { channels: 3, kernel: 2 },
      ],
      4,
      1,
    ],
  ] as [string, Conv[], number, number][])('%s', async (_, convs, kernel, dilation) => {
    const model = chain(...convs);
    const merged = mergeLinear(model, always);
    expect(merged.graph.nodes).toHaveLength(1);
    expect(merged.graph.nodes[0]!.attributes).toMatchObject({
      kernel: [kernel, kernel],
      dilations: [dilation, dilation],
    });
    expect(await distance(model, merged)).toBeLessThan(1e-5);
  });

  test('random shapes', async () => {
    const rng = seededRng('shapes');
    const below = (n: number) => rng.bytes(1)[0]! % n;
    for (let i = 0; i < 24; i++) {
      const pads = () => [below(2), below(2), below(2), below(2)] as const;
      const rest = () => ({ stride: 1 + below(2), dilation: 1 + below(2) });
      const model = chain(
        { channels: 1 + below(5), kernel: 1 + below(3), pads: pads(), ...rest() },
        { channels: 1 + below(5), kernel: 1 + below(2), ...rest() },
      );
      const merged = mergeLinear(model, always);
      expect(merged.graph.nodes).toHaveLength(1);
      expect(await distance(model, merged)).toBeLessThan(1e-5);
    }
  });
});

describe('two convolutions stay two', () => {
  test.each([
    [
      'both padded: the border differs',
      [
        { channels: 4, kernel: 3, pads: same },
        { channels: 4, kernel: 3, pads: same },
      ],
    ],
    [
      'a bias before padding',
      [
        { channels: 4, kernel: 1 },
        { channels: 4, kernel: 3, pads: same },
      ],
    ],
    [
      'groups that do not fit',
      [
        { channels: 6, kernel: 1, group: 2 },
        { channels: 6, kernel: 1, group: 3 },
      ],
    ],
  ] as [string, Conv[]][])('%s', (_, convs) => {
    const model = chain(...convs);
    expect(mergeLinear(model, always)).toBe(model);
  });

  test('where it is not worth it, and worth is asked with the sizes of all three', () => {
    const model = chain({ channels: 4, kernel: 3, pads: same }, { channels: 5, kernel: 3, stride: 2 });
    const asked: unknown[] = [];
    const merged = mergeLinear(model, (...sizes) => {
      asked.push(
        ...sizes.map(({ inChannels, outChannels, height, width }) => [
          inChannels,
          outChannels,
          height,
          width,
        ]),
      );
      return false;
    });
    expect(merged).toBe(model);
    expect(asked).toEqual([
      [6, 4, 12, 13],
      [4, 5, 12, 13],
      [6, 5, 12, 13],
    ]);
  });

  test('someone else takes what is between, or it is a ReLU', () => {
    const weights = [floats('w', [6, 6, 1, 1])];
    const two = [node('Conv', ['x', 'w'], 'h'), node('Conv', ['h', 'w'], 'z')];
    for (const nodes of [
      [...two, node('Add', ['z', 'h'], 'y')],
      [two[0]!, node('Relu', ['h'], 'r'), node('Conv', ['r', 'w'], 'y')],
    ]) {
      const model = readModel(rawModel(['N', 6, 12, 13], nodes, weights), 'not.onnx');
      expect(mergeLinear(model, always)).toBe(model);
    }
  });

  test('the padded ones would differ at the border', async () => {
    // Planted: the first is said to have no padding to merge after, which moves nothing but the border.
    const model = chain({ channels: 4, kernel: 3, pads: same }, { channels: 4, kernel: 3, pads: same });
    const valid = chain({ channels: 4, kernel: 3, pads: [2, 2, 2, 2] }, { channels: 4, kernel: 3 });
    expect(await distance(model, mergeLinear(valid, always))).toBeGreaterThan(0.05);
  });
});

test('fully connected layers, MatMul and Gemm with all their factors', async () => {
  const weights = [floats('m', [936, 7]), floats('n', [4, 7]), floats('b', [7]), floats('c', [4])];
  const nodes = [
    node('Flatten', ['x'], 'f'),
    node('Gemm', ['f', 'm', 'b'], 'h', { alpha: { float: 0.5 }, beta: { float: 3 } }),
    node('Gemm', ['h', 'n', 'c'], 'z', { transB: { int: 1 }, beta: { float: 2 } }),
    node('MatMul', ['z', 'k'], 'y'),
  ];
  const model = readModel(rawModel(['N', 6, 12, 13], nodes, [...weights, floats('k', [4, 3])], 2), 'fc.onnx');
  const merged = mergeLinear(model, always);
  expect(merged.graph.nodes.map(({ op }) => op)).toEqual(['Flatten', 'Gemm']);
  expect(await distance(model, merged)).toBeLessThan(1e-5);
});
