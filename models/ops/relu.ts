import { sizeOf } from '../tensor.ts';
import type { OpDefinition } from './definition.ts';
import { sameShape, writePlain } from './plain.ts';

/** y = max(x, 0), elementwise. */
export const relu: OpDefinition<'Relu'> = {
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  cost: (_attributes, { outputs: [y = []] }) => ({ macs: 0, relus: sizeOf(y), params: 0 }),
  write: writePlain,
};
