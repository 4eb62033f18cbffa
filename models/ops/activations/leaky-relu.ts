import { activationCost } from './activation.ts';
import { bySlope } from './by-slope.ts';
import type { OpDefinition } from '../definition.ts';
import { mask } from './mask.ts';
import { sameShape } from '../plain.ts';

/** y = x if x > 0, else alpha x, elementwise. */
export const leakyRelu: OpDefinition<'LeakyRelu'> = {
  does: 'x if x > 0, else alpha x',
  refuses: '',
  inputs: ['value'],
  parse: (attributes) => ({ alpha: attributes.float('alpha', Math.fround(0.01)) }),
  shape: sameShape,
  gradient: bySlope((graph, { x, attributes: { alpha } }) => {
    const isPositive = mask(graph, 'Greater', x, 0);
    const rise = graph.op('Mul', [isPositive, graph.scalar(1 - alpha)]);
    return graph.op('Add', [rise, graph.scalar(alpha)]);
  }),
  cost: activationCost(1),
  write: ({ name, inputs, outputs, attributes: { alpha } }) => [
    { op: 'LeakyRelu', name, inputs, outputs, attributes: { alpha: { float: alpha } } },
  ],
};
