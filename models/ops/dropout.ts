import { refuse } from '../refusal.ts';
import type { OpDefinition } from './definition.ts';
import { free, passThrough, sameShape, writePlain } from './plain.ts';

/** The inference form, which is the identity. */
export const dropout: OpDefinition<'Dropout'> = {
  does: 'x (the inference form)',
  refuses: 'training_mode, the mask output',
  inputs: ['value', 'optional-constant', 'optional-constant'],
  parse(attributes, [, , trainingMode]) {
    attributes.int('seed', 0);
    if (trainingMode?.constant?.data[0]) refuse('training_mode is set; export the model for inference');
    return {};
  },
  shape: sameShape,
  gradient: passThrough,
  cost: () => free,
  write: writePlain,
};
