import { describe, expect, test } from 'vitest';
import { normals } from '../../../models/architectures/init.ts';
import { verifyModel } from '../../../models/analysis/shapes.ts';
import { readModel } from '../../../models/files/read.ts';
import type { RawNode, RawTensor } from '../../../models/onnx/raw.ts';
import { forInference } from '../../../models/passes/index.ts';
import { mergeBias } from '../../../models/passes/merges/merge-bias.ts';
import { scaleAsBatchNorm } from '../../../models/passes/scale-as-batch-norm.ts';
import { predict } from '../../../models/runtime/run.ts';
import { relativeDifference } from '../../helpers/differences.ts';
import { floats, rawModel } from '../../helpers/networks/onnx.ts';
import { seededRng } from '../../helpers/rng.ts';

const x = normals(3 * 72, seededRng('x'));
const weights: readonly RawTensor[] = [
  floats('w', [5, 2, 3, 3]),
  floats('c', [5]),
  floats('m', [72, 4]),
  floats('b', [4]),
  floats('channel', [5, 1, 1]),
  floats('element', [5, 4, 4]),
  floats('input', [1, 2, 1, 1]),
  floats('one', []),
  floats('row', [4]),
  ...['s', 'h', 'e'].map((name) => floats(name, [5])),
  { name: 'v', dtype: 'float32', shape: [5], data: Float32Array.of(1, 2, 0.5, 3, 1) },
];

const node = (op: string, inputs: string[], output: string, attributes = {}): RawNode => ({
  op,
  inputs,
  outputs: [output],
  attributes,
});
const conv = node('Conv', ['x', 'w'], 'z');
const flat = node('Flatten', ['x'], 'f');
const scaled = { alpha: { float: 0.5 }, beta: { float: 2 } };

type Case = { readonly nodes: readonly RawNode[]; readonly ops: readonly string[]; readonly rank?: number };

/** What forInference leaves. */
const cases: Record<string, Case> = {
  'MatMul and a row': {
    nodes: [flat, node('MatMul', ['f', 'm'], 'z'), node('Add', ['b', 'z'], 'y')],
    ops: ['Flatten', 'Gemm'],
    rank: 2,
  },
  'Gemm with alpha, beta and a bias, and one number': {
    nodes: [flat, node('Gemm', ['f', 'm', 'b'], 'z', scaled), node('Add', ['z', 'one'], 'y')],
    ops: ['Flatten', 'Gemm'],
    rank: 2,
  },
  'Conv without bias and a number a channel': {
    nodes: [conv, node('Add', ['z', 'channel'], 'y')],
    ops: ['Conv'],
  },
  'Conv with bias and two sums': {
    nodes: [
      node('Conv', ['x', 'w', 'c'], 'z'),
      node('Add', ['z', 'channel'], 'z2'),
      node('Add', ['one', 'z2'], 'y'),
    ],
    ops: ['Conv'],
  },
  'Conv, scale, shift, batch norm, shift': {
    nodes: [
      conv,
      node('Mul', ['channel', 'z'], 'z1'),
      node('Add', ['z1', 'one'], 'z2'),
      node('BatchNormalization', ['z2', 's', 'h', 'e', 'v'], 'z3'),
      node('Add', ['z3', 'channel'], 'y'),
    ],
    ops: ['Conv'],
  },
  'a scale before a Conv is a batch norm': {
    nodes: [node('Mul', ['x', 'input'], 'i'), node('Conv', ['i', 'w'], 'y')],
    ops: ['BatchNormalization', 'Conv'],
  },
  'a number for each element is no bias': {
    nodes: [conv, node('Add', ['z', 'element'], 'y')],
    ops: ['Conv', 'Add'],
  },
  'a scale for each column is none for each channel': {
    nodes: [conv, node('Mul', ['z', 'row'], 'y')],
    ops: ['Conv', 'Mul'],
  },
  'a Conv that someone else takes too': {
    nodes: [conv, node('Add', ['z', 'one'], 'a'), node('Relu', ['z'], 'r'), node('Add', ['a', 'r'], 'y')],
    ops: ['Conv', 'Add', 'Relu', 'Add'],
  },
  'a gate is no scale': {
    nodes: [node('Sigmoid', ['x'], 'g'), node('Relu', ['x'], 'r'), node('Mul', ['g', 'r'], 'y')],
    ops: ['Sigmoid', 'Relu', 'Mul'],
  },
};

describe('constants that are added and multiplied', () => {
  test.each(Object.entries(cases))('%s', async (_name, { nodes, ops, rank = 4 }) => {
    const model = readModel(rawModel(['N', 2, 6, 6], nodes, weights, rank), 'merge.onnx');
    const folded = forInference(model);
    verifyModel(folded);
    expect(folded.graph.nodes.map(({ op }) => op)).toEqual(ops);
    const [before, after] = [await predict(model, x, 3), await predict(folded, x, 3)];
    expect(relativeDifference(after, before)).toBeLessThan(1e-5);
  });

  test('the comparison sees a bias that is lost', async () => {
    const { nodes } = cases['Conv without bias and a number a channel']!;
    const model = mergeBias(readModel(rawModel(['N', 2, 6, 6], nodes, weights), 'merge.onnx'));
    const [only] = model.graph.nodes;
    const lost = { ...model.graph, nodes: [{ ...only!, inputs: only!.inputs.slice(0, 2) }] };
    const [before, after] = [await predict(model, x, 3), await predict({ ...model, graph: lost }, x, 3)];
    expect(relativeDifference(after, before)).toBeGreaterThan(1e-2);
  });

  test('a new weight never takes the name of another', async () => {
    const taken = [...weights, { ...floats('taken', [5]), name: 'first.merged_bias' }];
    const nodes = [
      { ...conv, name: 'first' },
      node('Add', ['z', 'channel'], 'a'),
      node('Conv', ['x', 'w', 'first.merged_bias'], 'q'),
      node('Add', ['a', 'q'], 'y'),
    ];
    const model = readModel(rawModel(['N', 2, 6, 6], nodes, taken), 'merge.onnx');
    const [before, after] = [await predict(model, x, 3), await predict(mergeBias(model), x, 3)];
    expect(relativeDifference(after, before)).toBeLessThan(1e-5);
  });

  test('a model without products stays as it is', () => {
    const model = readModel(rawModel(['N', 2, 6, 6], [{ ...conv, outputs: ['y'] }], weights), 'merge.onnx');
    expect(scaleAsBatchNorm(model)).toBe(model);
    expect(mergeBias(model)).toBe(model);
  });
});
