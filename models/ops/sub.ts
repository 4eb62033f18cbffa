import { broadcast } from './broadcast.ts';
import { reduceTo } from './gradient.ts';
import type { OpDefinition } from './definition.ts';
import { free, writePlain } from './plain.ts';

/** y = a - b for two values, broadcast as in ONNX. With a constant, it is an Add. */
export const sub: OpDefinition<'Sub'> = {
  does: 'Difference of two values, broadcast as in ONNX',
  refuses: 'values of different rank',
  inputs: ['value', 'value'],
  parse: () => ({}),
  shape: (_attributes, [a = [], b = []]) => [broadcast(a, b)],
  gradient(node, { graph, forward, shapeOf }) {
    forward(node);
    const from = shapeOf(node.outputs[0]!);
    const [a, b] = node.inputs as [string, string];
    return (dy, wanted) => {
      if (a === b) return [graph.op('Mul', [dy, graph.scalar(0)]), undefined];
      const first = wanted[0] ? reduceTo(graph, dy, from, shapeOf(a)) : undefined;
      return [first, wanted[1] ? reduceTo(graph, graph.op('Neg', [dy]), from, shapeOf(b)) : undefined];
    };
  },
  cost: () => free,
  write: writePlain,
};
