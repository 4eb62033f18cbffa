import { describe, expect, test } from 'vitest';
import { ModelError } from '../../../src/shared/errors.ts';
import { consumersOf, inferShapes, verifyModel } from '../../../models/analysis/shapes.ts';
import type { Model, Node } from '../../../models/graph.ts';
import { tensor } from '../../../models/tensor.ts';
import { tinyResnet } from '../../helpers/networks/networks.ts';

const model = tinyResnet();
const withNodes = (change: (nodes: Node[]) => void): Model => {
  const nodes = [...model.graph.nodes];
  change(nodes);
  return { ...model, graph: { ...model.graph, nodes } };
};
const indexOf = (name: string) => model.graph.nodes.findIndex((node) => node.name === name);
const relu = (name: string, input: string, output = name): Node => ({
  op: 'Relu',
  name,
  inputs: [input],
  outputs: [output],
  attributes: {},
});

test('shapes of a network, by hand', () => {
  verifyModel(model);
  const shapes = inferShapes(model);
  expect(shapes.get('stem.conv')).toEqual([4, 8, 8]);
  expect(shapes.get('stage2.block0.conv1')).toEqual([6, 4, 4]);
  expect(shapes.get('head.pool')).toEqual([6, 1, 1]);
  expect(shapes.get('head.fc')).toEqual([3]);
  expect(shapes.has('stem.conv.weight')).toBe(false);
});

describe('a graph that does not hold together names the node', () => {
  const broken: Record<string, [Model, RegExp]> = {
    'two nodes in the wrong order': [
      withNodes((nodes) => nodes.reverse()),
      /node head\.fc \(Gemm\): input head\.flatten is defined by no node before it/,
    ],
    'a value defined twice': [
      withNodes((nodes) => nodes.push(relu('again', 'image', 'stem.conv'))),
      /value stem\.conv is defined twice, the second time by node again/,
    ],
    'a value that hides a weight': [
      withNodes((nodes) => nodes.push(relu('again', 'image', 'stem.conv.weight'))),
      /stem\.conv\.weight is defined twice/,
    ],
    'two nodes of one name': [
      withNodes((nodes) => nodes.push(relu('stem.relu', 'image', 'other'))),
      /two nodes share a name/,
    ],
    'a missing input': [
      withNodes((nodes) => (nodes[0] = { ...nodes[0]!, inputs: ['image'] } as Node)),
      /node stem\.conv \(Conv\): expected 2 to 3 inputs, got 1/,
    ],
    'a computed weight': [
      withNodes((nodes) => (nodes[0] = { ...nodes[0]!, inputs: ['image', 'image'] } as Node)),
      /input 1 \(image\) is computed; only a constant weight/,
    ],
    'an activation of a weight': [
      withNodes((nodes) => nodes.push(relu('again', 'stem.conv.weight'))),
      /input 0 \(stem\.conv\.weight\) is a constant/,
    ],
    'summands that broadcast, but whose batches do not line up': [
      {
        graph: {
          name: 'sum',
          inputs: [{ name: 'x', shape: [1, 1, 5] }],
          outputs: [{ name: 'y', shape: [1, 1, 5] }],
          nodes: [
            { op: 'Flatten', name: 'flat', inputs: ['x'], outputs: ['flat'], attributes: { axis: 1 } },
            { op: 'Add', name: 'y', inputs: ['x', 'flat'], outputs: ['y'], attributes: {} },
          ],
        },
        weights: new Map(),
      },
      /node y \(Add\): its inputs have different numbers of dimensions/,
    ],
    'a weight of another shape': [
      { ...model, weights: new Map(model.weights).set('head.fc.weight', tensor([3, 7])) },
      /node head\.fc \(Gemm\): input N x \[6\] does not fit/,
    ],
    'an output of another shape': [
      { ...model, graph: { ...model.graph, outputs: [{ name: 'head.fc', shape: [4] }] } },
      /graph output head\.fc: expected \[4\], got \[3\]/,
    ],
  };
  test.each(Object.entries(broken))('%s', (_name, [graph, reason]) => {
    expect(() => verifyModel(graph)).toThrow(ModelError);
    expect(() => verifyModel(graph)).toThrow(reason);
  });
});

test('consumers are found in graph order, once each', () => {
  const consumers = consumersOf(model.graph);
  expect(consumers.get('stem.relu')!.map((node) => node.name)).toEqual([
    'stage1.block0.conv1',
    'stage1.block0.add',
  ]);
  expect(consumers.get('head.fc')).toBeUndefined();
  const twice = withNodes((nodes) =>
    nodes.push({
      ...nodes[indexOf('stage1.block0.add')]!,
      name: 'double',
      inputs: ['head.fc', 'head.fc'],
      outputs: ['double'],
    }),
  );
  expect(
    consumersOf(twice.graph)
      .get('head.fc')!
      .map((node) => node.name),
  ).toEqual(['double']);
});
