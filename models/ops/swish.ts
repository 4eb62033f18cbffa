import { activationCost } from './activation.ts';
import { refuse } from '../refusal.ts';
import type { OpDefinition } from './definition.ts';
import { sameShape } from './plain.ts';

/** y = x s, s = sigmoid(x); dy/dx = s (1 + x - y). In files of opset 17 it is Sigmoid and Mul; see models/passes. */
export const swish: OpDefinition<'Swish'> = {
  does: 'x sigmoid(x), SiLU; recognised from Sigmoid and Mul',
  refuses: 'alpha other than 1',
  inputs: ['value'],
  parse(attributes) {
    if (attributes.float('alpha', 1) !== 1) refuse('only alpha 1 is supported');
    return {};
  },
  shape: sameShape,
  gradient(node, { graph, forward }) {
    forward(node);
    const x = node.inputs[0]!;
    return (dy) => {
      const rest = graph.op('Sub', [graph.op('Add', [x, graph.scalar(1)]), node.outputs[0]!]);
      return [graph.op('Mul', [dy, graph.op('Mul', [graph.op('Sigmoid', [x]), rest])])];
    };
  },
  cost: activationCost(1),
  write({ name, inputs: [x = ''], outputs }, lowering) {
    const gate = lowering.fresh(`${name}/sigmoid`);
    return [
      { op: 'Sigmoid', name: gate, inputs: [x], outputs: [gate] },
      { op: 'Mul', name, inputs: [x, gate], outputs },
    ];
  },
};
