import { broadcast } from './broadcast.ts';
import { reduceTo } from './gradient.ts';
import { sizeOf } from '../tensor.ts';
import type { OpDefinition } from './definition.ts';
import { writePlain } from './plain.ts';

/** y = a b, elementwise, for two values or for a value and a weight. Shapes are as for Add. */
export const mul: OpDefinition<'Mul'> = {
  does: 'Product, broadcast as in ONNX: a scale or a gate',
  refuses: 'constants that differ over the batch; values of different rank',
  inputs: ['any', 'any'],
  parse: () => ({}),
  shape: (_attributes, [a = [], b = []]) => [broadcast(a, b)],
  gradient(node, { graph, forward, shapeOf }) {
    forward(node);
    const from = shapeOf(node.outputs[0]!);
    const [a, b] = node.inputs as [string, string];
    const part = (dy: string, other: string, of: string) =>
      reduceTo(graph, graph.op('Mul', [dy, other]), from, shapeOf(of));
    return (dy, wanted) => {
      if (a === b) return [graph.op('Mul', [part(dy, a, a), graph.scalar(2)]), undefined];
      return [wanted[0] ? part(dy, b, a) : undefined, wanted[1] ? part(dy, a, b) : undefined];
    };
  },
  cost(_attributes, { inputs, outputs: [y = []], isWeight }) {
    const params = inputs.reduce((sum, shape, i) => sum + (isWeight[i] ? sizeOf(shape) : 0), 0);
    return { macs: sizeOf(y), relus: 0, params };
  },
  write: writePlain,
};
