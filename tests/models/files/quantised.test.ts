import { expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { readModel, readReport } from '../../../models/files/read.ts';
import type { RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import { predict } from '../../../models/runtime/run.ts';
import { maximumDifference } from '../../helpers/differences.ts';
import { scalar } from '../../helpers/networks/exported.ts';
import { rawModel, runFile } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

const bytes = (name: string, dtype: 'int8' | 'uint8', values: readonly number[], shape: readonly number[]) =>
  dtype === 'int8'
    ? ({ name, dtype, shape, data: Int8Array.from(values) } as const)
    : ({ name, dtype, shape, data: Uint8Array.from(values) } as const);
const quantised = Array.from({ length: 3 * 2 * 9 }, (_, i) => ((i * 37) % 255) - 127);
const weight = bytes('w', 'int8', quantised, [3, 2, 3, 3]);
const conv: RawNode = { op: 'Conv', inputs: ['x', 'weight'], outputs: ['y'] };

const input = [2, 6, 6];
const x = normals(72, seededRng('x'));

async function compared(nodes: readonly RawNode[], weights: readonly RawTensor[]) {
  const file = rawModel(['N', ...input], nodes, weights);
  const model = readModel(file, 'quantised.onnx');
  const reference = await runFile(file, x, [1, ...input]);
  const y = await predict(model, x, 1, { threads: 1 });
  return { ops: model.graph.nodes.map(({ op }) => op), difference: maximumDifference(y, reference.data) };
}

test.each([
  ['one scale', [], [0.01], bytes('zero', 'int8', [3], [])],
  ['a scale per channel', [3], [0.01, 0.02, 0.005], bytes('zero', 'int8', [0, 5, -7], [3])],
])('8-bit weights through DequantizeLinear are floats: %s', async (_name, shape, scales, zero) => {
  const scale: RawTensor = { name: 'scale', dtype: 'float32', shape, data: Float32Array.from(scales) };
  const axis: RawNode['attributes'] = { axis: { int: 0 } };
  const dequantize: RawNode = {
    op: 'DequantizeLinear',
    inputs: ['w', 'scale', 'zero'],
    outputs: ['weight'],
    attributes: axis,
  };
  const { ops, difference } = await compared([dequantize, conv], [weight, scale, zero]);
  expect(ops).toEqual(['Conv']);
  expect(difference).toBeLessThan(1e-5);
});

test('a float weight that the file quantises is rounded as it says', async () => {
  const float: RawTensor = {
    name: 'w',
    dtype: 'float32',
    shape: [3, 2, 3, 3],
    data: Float32Array.from(quantised, (v) => v / 50),
  };
  const nodes: RawNode[] = [
    { op: 'QuantizeLinear', inputs: ['w', 'scale', 'zero'], outputs: ['q'] },
    { op: 'DequantizeLinear', inputs: ['q', 'scale', 'zero'], outputs: ['weight'] },
    conv,
  ];
  const { difference } = await compared(nodes, [
    float,
    scalar('scale', 0.04),
    bytes('zero', 'uint8', [100], []),
  ]);
  expect(difference).toBeLessThan(1e-5);
});

const pair = (from: string, to: string): RawNode[] => [
  { op: 'QuantizeLinear', inputs: [from, 'scale', 'zero'], outputs: [`${to}/q`] },
  { op: 'DequantizeLinear', inputs: [`${to}/q`, 'scale', 'zero'], outputs: [to] },
];

test.each([
  ['a range on both sides of 0', 'int8', 0, 0.05, ['Identity', 'Identity']],
  ['a range from 0 on, the ReLU that was left out', 'uint8', 0, 0.03, ['Relu', 'Identity']],
  ["ReLU6's range", 'uint8', 0, 6 / 255, ['Clip', 'Identity']],
] as const)('values between the pair are not rounded: %s', async (_name, dtype, zero, scale, expected) => {
  const { ops, difference } = await compared(pair('x', 'y'), [
    scalar('scale', scale),
    bytes('zero', dtype, [zero], []),
  ]);
  expect(ops).toEqual(expected);
  expect(difference).toBeLessThanOrEqual(scale / 2 + 1e-6);
  expect(difference).toBeGreaterThan(scale / 4);
});

test('a ReLU before a range from 0 on is not doubled', () => {
  const nodes: RawNode[] = [{ op: 'Relu', inputs: ['x'], outputs: ['r'] }, ...pair('r', 'y')];
  const weights = [scalar('scale', 0.03), bytes('zero', 'uint8', [0], [])];
  const model = readModel(rawModel(['N', ...input], nodes, weights), 'relu.onnx');
  expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Relu', 'Identity', 'Identity']);
});

test.each([
  ['another scale', 'DequantizeLinear', ['q', 'other', 'zero'], 'same scale'],
  ['arithmetic on the integers', 'Relu', ['q'], 'computes with integers'],
])('%s is refused', (_name, op, inputs, reason) => {
  const nodes: RawNode[] = [
    { op: 'QuantizeLinear', inputs: ['x', 'scale', 'zero'], outputs: ['q'] },
    { op, inputs, outputs: ['y'] },
  ];
  const weights = [scalar('scale', 0.03), scalar('other', 0.04), bytes('zero', 'int8', [0], [])];
  const { unsupported } = readReport(rawModel(['N', ...input], nodes, weights), 'integers.onnx');
  expect(unsupported).toHaveLength(1);
  expect(unsupported[0]!.reason).toContain(reason);
});
