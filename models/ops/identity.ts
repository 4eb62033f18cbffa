import type { OpDefinition } from './definition.ts';
import { free, sameShape, writePlain } from './plain.ts';

export const identity: OpDefinition<'Identity'> = {
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  cost: () => free,
  write: writePlain,
};
