import { activationCost } from './activation.ts';
import type { OpDefinition } from '../definition.ts';
import { sameShape, writePlain } from '../plain.ts';

/** y = 1 / (1 + exp(-x)), elementwise; dy/dx = y (1 - y). */
export const sigmoid: OpDefinition<'Sigmoid'> = {
  does: '1 / (1 + exp(-x))',
  refuses: '',
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  gradient(node, { graph, forward }) {
    forward(node);
    const y = node.outputs[0]!;
    return (dy) => [graph.op('Mul', [dy, graph.op('Mul', [y, graph.op('Sub', [graph.scalar(1), y])])])];
  },
  cost: activationCost(0),
  write: writePlain,
};
