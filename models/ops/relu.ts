import { sizeOf } from '../tensor.ts';
import type { OpDefinition } from './definition.ts';
import { sameShape, writePlain } from './plain.ts';

/** y = max(x, 0), elementwise. */
export const relu: OpDefinition<'Relu'> = {
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  // The output is zero or positive, so its sign is the derivative.
  gradient(node, { graph, forward }) {
    forward(node);
    return (dy) => [graph.op('Mul', [dy, graph.op('Sign', [node.outputs[0]!])])];
  },
  cost: (_attributes, { outputs: [y = []] }) => ({ macs: 0, relus: sizeOf(y), params: 0 }),
  write: writePlain,
};
