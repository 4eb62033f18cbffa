import type { OpDefinition } from './definition.ts';
import { free, passThrough, sameShape, writePlain } from './plain.ts';

export const identity: OpDefinition<'Identity'> = {
  does: 'x',
  refuses: '',
  inputs: ['value'],
  parse: () => ({}),
  shape: sameShape,
  gradient: passThrough,
  cost: () => free,
  write: writePlain,
};
