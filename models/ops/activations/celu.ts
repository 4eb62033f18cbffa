import { refuse } from '../../refusal.ts';
import { activationCost } from './activation.ts';
import { bySlope } from './by-slope.ts';
import type { OpDefinition } from '../definition.ts';
import { mask } from './mask.ts';
import { sameShape } from '../plain.ts';

/** y = x if x > 0, else alpha (exp(x / alpha) - 1), elementwise; dy/dx = 1 or y / alpha + 1. */
export const celu: OpDefinition<'Celu'> = {
  does: 'x if x > 0, else alpha (exp(x / alpha) - 1)',
  refuses: 'alpha of 0 or less',
  inputs: ['value'],
  parse(attributes) {
    const alpha = attributes.float('alpha', 1);
    if (!(alpha > 0)) refuse(`its alpha is ${alpha}; expected more than 0`);
    return { alpha };
  },
  shape: sameShape,
  gradient: bySlope((graph, { x, y, attributes: { alpha } }) => {
    const isPositive = mask(graph, 'Greater', x, 0);
    const scaled = graph.op('Mul', [y, graph.scalar(1 / alpha)]);
    const below = graph.op('Add', [scaled, graph.scalar(1)]);
    const isNot = graph.op('Sub', [graph.scalar(1), isPositive]);
    return graph.op('Add', [isPositive, graph.op('Mul', [isNot, below])]);
  }),
  cost: activationCost(1),
  write: ({ name, inputs, outputs, attributes: { alpha } }) => [
    { op: 'Celu', name, inputs, outputs, attributes: { alpha: { float: alpha } } },
  ],
};
