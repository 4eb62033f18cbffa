import { activationCost } from './activation.ts';
import { bySlope } from './by-slope.ts';
import { refuse } from '../../refusal.ts';
import type { OpDefinition } from '../definition.ts';
import { sameShape } from '../plain.ts';

/**
 * y = x s with s = sigmoid(x), elementwise; dy/dx = s (1 + x - y). Opset 17 has no such op: in files it is
 * Sigmoid and Mul, which models/passes/recognise-activations.ts joins.
 */
export const swish: OpDefinition<'Swish'> = {
  does: 'x sigmoid(x), SiLU; recognised from Sigmoid and Mul',
  refuses: 'alpha other than 1',
  inputs: ['value'],
  parse(attributes) {
    if (attributes.float('alpha', 1) !== 1) refuse('only alpha 1 is supported');
    return {};
  },
  shape: sameShape,
  gradient: bySlope((graph, { x, y }) => {
    const rest = graph.op('Sub', [graph.op('Add', [x, graph.scalar(1)]), y]);
    return graph.op('Mul', [graph.op('Sigmoid', [x]), rest]);
  }),
  cost: activationCost(1),
  write({ name, inputs: [x = ''], outputs }, writing) {
    const gate = writing.fresh(`${name}/sigmoid`);
    return [
      { op: 'Sigmoid', name: gate, inputs: [x], outputs: [gate] },
      { op: 'Mul', name, inputs: [x, gate], outputs },
    ];
  },
};
