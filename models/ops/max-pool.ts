import { sizeOf } from '../tensor.ts';
import { refuse } from './definition.ts';
import type { OpDefinition } from './definition.ts';
import { parsePool, poolShape, writeWindow } from './window.ts';

export const maxPool: OpDefinition<'MaxPool'> = {
  inputs: ['value'],
  parse(attributes, [x]) {
    if (attributes.int('storage_order', 0) !== 0) refuse('storage_order 1 is not supported');
    return parsePool(attributes, x?.shape);
  },
  shape: (attributes, [x = []]) => [poolShape(attributes, x)],
  // max(a, b) = a + ReLU(b - a): a window of k values is a tree of k - 1 private ReLUs
  cost: ({ kernel }, { outputs: [y = []] }) => ({
    macs: 0,
    relus: sizeOf(y) * (kernel[0] * kernel[1] - 1),
    params: 0,
  }),
  write(node) {
    const attributes = {
      ...writeWindow(node.attributes),
      ceil_mode: { int: node.attributes.ceilMode ? 1 : 0 },
    };
    return [{ op: 'MaxPool', name: node.name, inputs: node.inputs, outputs: node.outputs, attributes }];
  },
};
