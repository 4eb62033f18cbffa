import { sizeOf } from '../../tensor.ts';
import type { OpDefinition } from '../definition.ts';
import { mask } from './mask.ts';
import { sameShape, writePlain } from '../plain.ts';

/** y = max(x, 0), elementwise. */
export const relu: OpDefinition<'Relu'> = {
  does: 'max(x, 0)',
  refuses: '',
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  gradient(node, { graph, forward }) {
    forward(node);
    // Computing the mask as Sign(Relu(x)) takes three times as long, and with Where twice as long.
    return (dy) => [graph.op('Mul', [dy, mask(graph, 'Greater', node.outputs[0]!, 0)])];
  },
  cost: (_attributes, { outputs: [y = []] }) => ({ macs: 0, relus: sizeOf(y), params: 0 }),
  write: writePlain,
};
