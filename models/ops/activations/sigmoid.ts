import { activationCost } from './activation.ts';
import { bySlope, plainActivation } from './by-slope.ts';
import type { OpDefinition } from '../definition.ts';

/** y = 1 / (1 + exp(-x)), elementwise; dy/dx = y (1 - y). */
export const sigmoid: OpDefinition<'Sigmoid'> = {
  ...plainActivation,
  does: '1 / (1 + exp(-x))',
  gradient: bySlope((graph, { y }) => graph.op('Mul', [y, graph.op('Sub', [graph.scalar(1), y])])),
  cost: activationCost(0),
};
