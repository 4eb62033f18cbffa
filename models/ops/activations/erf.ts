import { activationCost } from './activation.ts';
import type { OpDefinition } from '../definition.ts';
import { sameShape, writePlain } from '../plain.ts';

/** y = erf(x), elementwise; dy/dx = 2 / sqrt(pi) exp(-x^2). */
export const erf: OpDefinition<'Erf'> = {
  does: 'erf(x), a part of Gelu',
  refuses: '',
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  gradient(node, { graph, forward }) {
    forward(node);
    const x = node.inputs[0]!;
    return (dy) => {
      const bell = graph.op('Exp', [graph.op('Neg', [graph.op('Mul', [x, x])])]);
      return [graph.op('Mul', [dy, graph.op('Mul', [bell, graph.scalar(2 / Math.sqrt(Math.PI))])])];
    };
  },
  cost: activationCost(0),
  write: writePlain,
};
