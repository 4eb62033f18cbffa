import { sizeOf } from '../tensor.ts';
import { refuse } from './definition.ts';
import type { OpDefinition } from './definition.ts';
import { parsePool, poolShape, writeWindow } from './window.ts';

export const averagePool: OpDefinition<'AveragePool'> = {
  inputs: ['value'],
  parse(attributes, [x]) {
    const pool = parsePool(attributes, x?.shape);
    if (pool.dilations.some((d) => d !== 1)) refuse('dilations are not supported'); // not in opset 17
    return { ...pool, countIncludePad: attributes.int('count_include_pad', 0) !== 0 };
  },
  shape: (attributes, [x = []]) => [poolShape(attributes, x)],
  cost: ({ kernel }, { outputs: [y = []] }) => ({
    macs: sizeOf(y) * kernel[0] * kernel[1],
    relus: 0,
    params: 0,
  }),
  write(node) {
    const { ceilMode, countIncludePad } = node.attributes;
    const attributes = {
      ...writeWindow(node.attributes),
      ceil_mode: { int: ceilMode ? 1 : 0 },
      count_include_pad: { int: countIncludePad ? 1 : 0 },
    };
    return [{ op: 'AveragePool', name: node.name, inputs: node.inputs, outputs: node.outputs, attributes }];
  },
};
