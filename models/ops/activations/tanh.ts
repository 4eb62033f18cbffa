import { activationCost } from './activation.ts';
import { bySlope, plainActivation } from './by-slope.ts';
import type { OpDefinition } from '../definition.ts';

/** y = tanh(x), elementwise; dy/dx = 1 - y^2. */
export const tanh: OpDefinition<'Tanh'> = {
  ...plainActivation,
  does: 'tanh(x)',
  gradient: bySlope((graph, { y }) => graph.op('Sub', [graph.scalar(1), graph.op('Mul', [y, y])])),
  cost: activationCost(0),
};
