import { sizeOf } from '../tensor.ts';
import { refuse } from './definition.ts';
import type { OpDefinition } from './definition.ts';
import { writePlain } from './plain.ts';

/** y = x B. Inputs: x [K], B [K, M]. */
export const matMul: OpDefinition<'MatMul'> = {
  inputs: ['value', 'weight'],
  parse: () => ({}),
  shape(_attributes, [x = [], weight = []]) {
    const [features, maps] = weight;
    if (weight.length !== 2 || maps === undefined) refuse(`weight [${weight.join(', ')}] is not a matrix`);
    if (x.length !== 1 || x[0] !== features)
      refuse(`input N x [${x.join(', ')}] does not fit the weight's ${features} features`);
    return [[maps]];
  },
  cost(_attributes, { inputs: [, weight = []] }) {
    return { macs: sizeOf(weight), relus: 0, params: sizeOf(weight) };
  },
  write: writePlain,
};
