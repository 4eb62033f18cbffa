import { activationCost } from './activation.ts';
import { bySlope } from './by-slope.ts';
import type { OpDefinition } from '../definition.ts';
import { mask } from './mask.ts';
import { sameShape } from '../plain.ts';

/** y = x if x > 0, else alpha (exp(x) - 1), elementwise; dy/dx = 1 or y + alpha. */
export const elu: OpDefinition<'Elu'> = {
  does: 'x if x > 0, else alpha (exp(x) - 1)',
  refuses: '',
  inputs: ['value'],
  parse: (attributes) => ({ alpha: attributes.float('alpha', 1) }),
  shape: sameShape,
  gradient: bySlope((graph, { x, y, attributes: { alpha } }) => {
    const isPositive = mask(graph, 'Greater', x, 0);
    const below = graph.op('Add', [y, graph.scalar(alpha)]);
    const isNot = graph.op('Sub', [graph.scalar(1), isPositive]);
    return graph.op('Add', [isPositive, graph.op('Mul', [isNot, below])]);
  }),
  cost: activationCost(1),
  write: ({ name, inputs, outputs, attributes: { alpha } }) => [
    { op: 'Elu', name, inputs, outputs, attributes: { alpha: { float: alpha } } },
  ],
};
