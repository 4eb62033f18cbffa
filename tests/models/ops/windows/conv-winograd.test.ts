import { expect, test } from 'vitest';
import { seededUniform } from '../../../../models/data/seeded.ts';
import type { NodeOf, OpAttributes, Pads, Pair } from '../../../../models/graph.ts';
import { directly } from '../../../../models/ops/windows/conv-gradient.ts';
import { suitsWinograd, winograd } from '../../../../models/ops/windows/conv-winograd.ts';
import type { Gradient, TrainingContext } from '../../../../models/ops/gradient.ts';
import { slide } from '../../../../models/ops/windows/window.ts';
import { sizeOf } from '../../../../models/tensor.ts';
import { runGraph } from '../../../helpers/networks/run-graph.ts';

const plain = { kernel: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 } as const;

type Case = {
  readonly batch: number;
  readonly channels: number;
  readonly maps: number;
  readonly input: Pair;
  readonly pads: Pads;
};
const base: Case = { batch: 3, channels: 5, maps: 4, input: [8, 8], pads: plain.pads };

function setUp(
  { batch, channels, maps, input, pads }: Case,
  attributes: OpAttributes['Conv'] = { ...plain, pads },
) {
  const shapes: Record<string, readonly number[]> = {
    x: [batch, channels, ...input],
    w: [maps, channels, ...attributes.kernel],
    b: [maps],
    y: [batch, maps, ...slide(attributes, input)],
  };
  shapes['dy'] = shapes['y']!;
  const node: NodeOf<'Conv'> = { op: 'Conv', name: 'n', inputs: ['x', 'w', 'b'], outputs: ['y'], attributes };
  const context = { batch, shapeOf: (name: string) => shapes[name]! };
  return { shapes, node, context };
}

type Results = Readonly<Record<'y' | 'dx' | 'dw' | 'db', readonly number[]>>;

async function byGraph(gradient: Gradient<'Conv'>, c: Case, data: Data): Promise<Results> {
  const { shapes, node, context } = setUp(c);
  const feed = (name: keyof Data) => ({ shape: shapes[name]!, data: data[name] });
  const feeds = { x: feed('x'), w: feed('w'), b: feed('b'), dy: feed('dy') };
  const results = await runGraph(feeds, (graph) => {
    const forward = () =>
      graph.append({
        op: 'Conv',
        inputs: node.inputs,
        outputs: node.outputs,
        attributes: { pads: { ints: c.pads } },
      });
    const pullback = gradient(node, { ...context, graph, forward } as unknown as TrainingContext);
    const [dx, dw, db] = pullback('dy', [true, true, true]) as [string, string, string];
    const rank4 = { y: 'y', dx, dw };
    return {
      ...Object.fromEntries(Object.entries(rank4).map(([name, value]) => [name, { value, rank: 4 }])),
      db: { value: db, rank: 1 },
    };
  });
  return results as unknown as Results;
}

type Data = Readonly<Record<'x' | 'w' | 'b' | 'dy', number[]>>;

function randomData(c: Case): Data {
  const { shapes } = setUp(c);
  const uniform = seededUniform(3);
  const random = (name: string) => Array.from({ length: sizeOf(shapes[name]!) }, () => 2 * uniform() - 1);
  return { x: random('x'), w: random('w'), b: random('b'), dy: random('dy') };
}

/** In float64, from the definition. */
function byDefinition(c: Case, { x, w, b, dy }: Data): Results {
  const { shapes } = setUp(c);
  const [, , height, width] = shapes['x'] as [number, number, number, number];
  const [n, maps, rows, columns] = shapes['y'] as [number, number, number, number];
  const zeros = (name: string) => Array.from({ length: sizeOf(shapes[name]!) }, () => 0);
  const [y, dx, dw, db] = [zeros('y'), zeros('x'), zeros('w'), zeros('b')];
  for (let at = 0; at < n * maps * rows * columns; at++) {
    const [q, r] = [at % columns, Math.floor(at / columns) % rows];
    const [m, image] = [Math.floor(at / (columns * rows)) % maps, Math.floor(at / (columns * rows * maps))];
    y[at]! += b[m]!;
    db[m]! += dy[at]!;
    for (let tap = 0; tap < 9 * c.channels; tap++) {
      const channel = Math.floor(tap / 9);
      const [row, column] = [r + (Math.floor(tap / 3) % 3) - c.pads[0], q + (tap % 3) - c.pads[1]];
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      const from = ((image * c.channels + channel) * height + row) * width + column;
      const weight = m * 9 * c.channels + tap;
      y[at]! += x[from]! * w[weight]!;
      dx[from]! += dy[at]! * w[weight]!;
      dw[weight]! += dy[at]! * x[from]!;
    }
  }
  return { y, dx, dw, db };
}

/** Root mean square of the difference over that of what is expected. */
function distance(found: readonly number[], expected: readonly number[]): number {
  expect(found).toHaveLength(expected.length);
  const square = (of: (i: number) => number) => expected.reduce((sum, _, i) => sum + of(i) ** 2, 0);
  return Math.sqrt(square((i) => found[i]! - expected[i]!) / square((i) => expected[i]!));
}

/** 16 times what one rounding to float32 does to a number; of the direct convolution it is up to 4. */
const tolerance = 2 ** -20;

const names = ['y', 'dx', 'dw'] as const;

test.each<[string, Case]>([
  ['whole tiles', base],
  ['a tile', { ...base, input: [4, 4] }],
  ['maps that tiles do not fill', { ...base, input: [7, 5] }],
  ['maps of 2 x 2', { ...base, input: [2, 2] }],
  ['one place', { ...base, input: [1, 1] }],
  ['a row of two and many columns', { ...base, input: [2, 9] }],
  ['no pads', { ...base, pads: [0, 0, 0, 0] }],
  ['uneven pads', { ...base, pads: [0, 2, 1, 0] }],
  ['pads wider than the kernel', { ...base, input: [3, 4], pads: [3, 4, 0, 3] }],
  ['one image, channel and map', { ...base, batch: 1, channels: 1, maps: 1 }],
])('%s: a convolution and its gradients are those of the definition', async (_title, c) => {
  const data = randomData(c);
  const expected = byDefinition(c, data);
  for (const gradient of [winograd, directly]) {
    const found = await byGraph(gradient, c, data);
    for (const name of names) expect(distance(found[name], expected[name]), name).toBeLessThan(tolerance);
  }
  const near = byDefinition(c, { ...data, w: scaled(data.w), dy: scaled(data.dy) });
  const found = await byGraph(winograd, c, data);
  for (const name of names) expect(distance(found[name], near[name]), name).toBeGreaterThan(10 * tolerance);
  found.db.forEach((value, m) => expect(value).toBeCloseTo(expected.db[m]!, 4)); // sums of at most 3 x 64 numbers below 1
});

const scaled = (values: readonly number[]) => values.map((v) => 1.0001 * v);

const wide: Case = { batch: 32, channels: 128, maps: 128, input: [16, 16], pads: plain.pads };

test.each<[string, Case, Partial<OpAttributes['Conv']>, boolean]>([
  ['wide', wide, {}, true],
  ['wide, small maps', { ...wide, channels: 512, maps: 512, input: [4, 4] }, {}, true],
  ['wide, maps of 2 x 2', { ...wide, channels: 512, maps: 512, input: [2, 2] }, {}, true],
  ["ResNet-8's last", { ...wide, batch: 128, channels: 64, maps: 64, input: [7, 7] }, {}, true],
  [
    'so few images that the kernels are what takes time',
    { ...wide, batch: 8, channels: 512, maps: 512, input: [4, 4] },
    {},
    false,
  ],
  ['few channels', { ...wide, channels: 3, input: [32, 32] }, {}, false],
  ['few maps', { ...wide, maps: 16 }, {}, false],
  ['narrow', { ...wide, channels: 32, maps: 32 }, {}, false],
  ['1 x 1', wide, { kernel: [1, 1], pads: [0, 0, 0, 0] }, false],
  ['5 x 5', wide, { kernel: [5, 5], pads: [2, 2, 2, 2] }, false],
  ['stride 2', wide, { strides: [2, 2] }, false],
  ['stride 2 along one axis', wide, { strides: [1, 2] }, false],
  ['dilated', wide, { dilations: [2, 1] }, false],
  ['in groups', wide, { group: 2 }, false],
])('%s: whether it pays', (_title, c, attributes, pays) => {
  const { node, context } = setUp(c, { ...plain, ...attributes });
  expect(suitsWinograd(node, context as unknown as TrainingContext)).toBe(pays);
});
