import { broadcast } from './broadcast.ts';
import { reduceTo } from './gradient.ts';
import { sizeOf } from '../tensor.ts';
import type { OpDefinition } from './definition.ts';
import { writePlain } from './plain.ts';

/** y = a + b, broadcast as in ONNX. The shapes of values and weights both leave out the batch. */
export const add: OpDefinition<'Add'> = {
  does: 'Sum, broadcast as in ONNX',
  refuses: 'constants that differ over the batch; values of different rank',
  inputs: ['any', 'any'],
  parse: () => ({}),
  shape: (_attributes, [a = [], b = []]) => [broadcast(a, b)],
  gradient(node, { graph, forward, shapeOf }) {
    forward(node);
    const from = shapeOf(node.outputs[0]!);
    return (dy, wanted) =>
      node.inputs.map((name, i) => (wanted[i] ? reduceTo(graph, dy, from, shapeOf(name)) : undefined));
  },
  cost(_attributes, { inputs, isWeight }) {
    const params = inputs.reduce((sum, shape, i) => sum + (isWeight[i] ? sizeOf(shape) : 0), 0);
    return { macs: 0, relus: 0, params };
  },
  write: writePlain,
};
