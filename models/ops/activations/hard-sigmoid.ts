import type { OpAttributes } from '../../graph.ts';
import { activationCost } from './activation.ts';
import { bySlope } from './by-slope.ts';
import type { OpDefinition } from '../definition.ts';
import { mask } from './mask.ts';
import { sameShape } from '../plain.ts';

/** y = max(0, min(1, alpha x + beta)). The gradient is 0 at the bounds themselves. */
export const hardSigmoid: OpDefinition<'HardSigmoid'> = {
  does: 'max(0, min(1, alpha x + beta))',
  refuses: '',
  inputs: ['value'],
  parse: (attributes) => ({
    alpha: attributes.float('alpha', Math.fround(0.2)),
    beta: attributes.float('beta', 0.5),
  }),
  shape: sameShape,
  gradient: bySlope((graph, { y, attributes: { alpha } }) => {
    const inside = graph.op('Mul', [mask(graph, 'Greater', y, 0), mask(graph, 'Less', y, 1)]);
    return graph.op('Mul', [inside, graph.scalar(alpha)]);
  }),
  cost: activationCost(1),
  write: ({ name, inputs, outputs, attributes: { alpha, beta } }) => [
    {
      op: 'HardSigmoid',
      name,
      inputs,
      outputs,
      attributes: { alpha: { float: alpha }, beta: { float: beta } },
    },
  ],
};

/** Where a HardSigmoid leaves 0, and where it reaches 1. */
export function boundsOfHardSigmoid({ alpha, beta }: OpAttributes['HardSigmoid']): [number, number] {
  return [-beta / alpha, (1 - beta) / alpha];
}
