import { expect, test } from 'vitest';
import { seededUniform } from '../../../../models/data/seeded.ts';
import type { NodeOf, OpAttributes, Pair } from '../../../../models/graph.ts';
import type { GraphBuilder } from '../../../../models/onnx/graph-builder.ts';
import { allTaps, tapByTap, weightGradient } from '../../../../models/ops/windows/conv-weight-gradient.ts';
import type { TrainingContext } from '../../../../models/ops/gradient.ts';
import { slide } from '../../../../models/ops/windows/window.ts';
import { sizeOf } from '../../../../models/tensor.ts';
import { runGraph } from '../../../helpers/networks/run-graph.ts';

const plain = { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;

type Case = { attributes: OpAttributes['Conv']; batch: number; channels: number; maps: number; input: Pair };

const base: Case = { attributes: plain, batch: 3, channels: 4, maps: 2, input: [5, 4] };
const with_ = (attributes: Partial<OpAttributes['Conv']>, rest: Partial<Case> = {}): Case => ({
  ...base,
  ...rest,
  attributes: { ...plain, ...attributes },
});

const oneGroup: readonly (readonly [string, Case])[] = [
  ['3x3', base],
  ['1x1', with_({ kernel: [1, 1], pads: [0, 0, 0, 0] })],
  ['1x1, stride 2', with_({ kernel: [1, 1], pads: [0, 0, 0, 0], strides: [2, 2] })],
  ['stride 2, even size', with_({ strides: [2, 2] }, { input: [6, 4] })],
  ['stride 2, odd size', with_({ strides: [2, 2] }, { input: [5, 7] })],
  ['rows that no window reaches', with_({ strides: [3, 3], pads: [0, 0, 0, 0] }, { input: [8, 7] })],
  ['dilated, uneven pads', with_({ kernel: [3, 2], dilations: [2, 1], pads: [2, 0, 1, 1] })],
];
const grouped: readonly (readonly [string, Case])[] = [
  ['two groups', with_({ group: 2 }, { maps: 6 })],
  ['depthwise', with_({ group: 4, strides: [2, 1] }, { maps: 4 })],
  ['depthwise, two maps a channel', with_({ group: 4 }, { maps: 8 })],
];

type Method = (node: NodeOf<'Conv'>, context: TrainingContext, dy: string) => string;

function setUp({ attributes, batch, channels, maps, input }: Case) {
  const output = slide(attributes, input);
  const shapes = {
    x: [batch, channels, ...input],
    w: [maps, channels / attributes.group, ...attributes.kernel],
    y: [batch, maps, ...output],
  };
  const uniform = seededUniform(3);
  const random = (shape: readonly number[]) => Array.from({ length: sizeOf(shape) }, () => 2 * uniform() - 1);
  return { shapes, x: random(shapes.x), dy: random(shapes.y) };
}

async function byGraph(method: Method, c: Case): Promise<number[]> {
  const { shapes, x, dy } = setUp(c);
  const node: NodeOf<'Conv'> = {
    op: 'Conv',
    name: 'n',
    inputs: ['x', 'w'],
    outputs: ['y'],
    attributes: c.attributes,
  };
  const shapeOf = (name: string) => shapes[name as keyof typeof shapes];
  const result = await runGraph(
    { x: { shape: shapes.x, data: x }, dy: { shape: shapes.y, data: dy } },
    (graph: GraphBuilder) => {
      const context = { graph, batch: c.batch, shapeOf } as unknown as TrainingContext;
      return { dw: { value: method(node, context, 'dy'), rank: 4 } };
    },
  );
  return result['dw']!;
}

/** In float64, from the definition. */
function byDefinition(c: Case): number[] {
  const { shapes, x, dy } = setUp(c);
  const { kernel, strides, pads, dilations, group } = c.attributes;
  const [, , h, w] = shapes.x as [number, number, number, number];
  const [n, maps, oh, ow] = shapes.y as [number, number, number, number];
  const perGroup = c.channels / group;
  const dw = new Float64Array(sizeOf(shapes.w));
  for (let i = 0; i < sizeOf(shapes.y); i++) {
    const [image, m, r, q] = [
      Math.floor(i / (maps * oh * ow)),
      Math.floor(i / (oh * ow)) % maps,
      Math.floor(i / ow) % oh,
      i % ow,
    ];
    for (let k = 0; k < perGroup * kernel[0] * kernel[1]; k++) {
      const [channel, a, b] = [
        Math.floor(k / (kernel[0] * kernel[1])),
        Math.floor(k / kernel[1]) % kernel[0],
        k % kernel[1],
      ];
      const [row, column] = [
        r * strides[0] + a * dilations[0] - pads[0],
        q * strides[1] + b * dilations[1] - pads[1],
      ];
      if (row < 0 || row >= h || column < 0 || column >= w) continue;
      const from = Math.floor(m / (maps / group)) * perGroup + channel;
      dw[m * perGroup * kernel[0] * kernel[1] + k]! +=
        dy[i]! * x[((image * c.channels + from) * h + row) * w + column]!;
    }
  }
  expect(n).toBe(c.batch);
  return [...dw];
}

/**
 * float32 sums of at most 3 x 42 products of numbers below 1: each addition errs by half a last bit of at
 * most 126.
 */
const tolerance = 126 * 126 * 2 ** -24;

const distance = (a: readonly number[], b: readonly number[]): number => {
  expect(a).toHaveLength(b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
};

test.each(oneGroup)('%s: both ways give the definition', async (_title, c) => {
  const expected = byDefinition(c);
  for (const method of [allTaps, tapByTap, weightGradient])
    expect(distance(await byGraph(method, c), expected)).toBeLessThan(tolerance);
  const elsewhere = byDefinition({ ...c, attributes: { ...c.attributes, pads: [0, 1, 1, 0] } });
  if (elsewhere.length === expected.length)
    expect(distance(elsewhere, expected)).toBeGreaterThan(10 * tolerance);
});

test.each(grouped)('%s: all taps at once give the definition', async (_title, c) => {
  for (const method of [allTaps, weightGradient])
    expect(distance(await byGraph(method, c), byDefinition(c))).toBeLessThan(tolerance);
});

test('what is large when unfolded goes tap by tap, what is small is gathered once', async () => {
  const opsOf = (c: Case): Promise<string[]> => {
    const used: string[] = [];
    const spy: Method = (node, context, dy) => {
      const { graph } = context;
      const op = graph.op.bind(graph);
      graph.op = (name, ...rest) => (used.push(name), op(name, ...rest));
      return weightGradient(node, context, dy);
    };
    return byGraph(spy, c).then(() => used);
  };
  expect(await opsOf(base)).toContain('Gather');
  const large = { ...base, channels: 16, input: [160, 160] as Pair, batch: 2 };
  expect(await opsOf(large)).not.toContain('Gather');
});
