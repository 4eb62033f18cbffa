import { activationCost } from './activation.ts';
import type { OpDefinition } from '../definition.ts';
import { sameShape, writePlain } from '../plain.ts';

/** y = tanh(x), elementwise; dy/dx = 1 - y^2. */
export const tanh: OpDefinition<'Tanh'> = {
  does: 'tanh(x)',
  refuses: '',
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  gradient(node, { graph, forward }) {
    forward(node);
    const y = node.outputs[0]!;
    return (dy) => [graph.op('Mul', [dy, graph.op('Sub', [graph.scalar(1), graph.op('Mul', [y, y])])])];
  },
  cost: activationCost(0),
  write: writePlain,
};
