import { activationCost } from './activation.ts';
import { bySlope, plainActivation } from './by-slope.ts';
import type { OpDefinition } from '../definition.ts';

/** y = erf(x), elementwise; dy/dx = 2 / sqrt(pi) exp(-x^2). */
export const erf: OpDefinition<'Erf'> = {
  ...plainActivation,
  does: 'erf(x), a part of Gelu',
  gradient: bySlope((graph, { x }) => {
    const bell = graph.op('Exp', [graph.op('Neg', [graph.op('Mul', [x, x])])]);
    return graph.op('Mul', [bell, graph.scalar(2 / Math.sqrt(Math.PI))]);
  }),
  cost: activationCost(0),
};
