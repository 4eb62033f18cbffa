import { sizeOf } from '../../tensor.ts';
import type { OpDefinition } from '../definition.ts';
import { writePlain } from '../plain.ts';
import { spatial } from './window.ts';

/** y = the mean over height and width: [C, H, W] -> [C, 1, 1]. */
export const globalAveragePool: OpDefinition<'GlobalAveragePool'> = {
  does: 'Mean over height and width',
  refuses: '',
  inputs: ['value'],
  parse: () => ({}),
  shape(_attributes, [x = []]) {
    spatial(x);
    return [[x[0]!, 1, 1]];
  },
  gradient(node, { graph, forward, shapeOf }) {
    forward(node);
    const shape = shapeOf(node.inputs[0]!);
    const share = graph.scalar(1 / (shape[2]! * shape[3]!));
    return (dy) => [graph.op('Expand', [graph.op('Mul', [dy, share]), graph.ints(shape)])];
  },
  cost: (_attributes, { inputs: [x = []] }) => ({ macs: sizeOf(x), relus: 0, params: 0 }),
  write: writePlain,
};
