import { backToShape } from './plain.ts';
import { sizeOf } from '../tensor.ts';
import { refuse } from '../refusal.ts';
import type { OpDefinition } from './definition.ts';
import { free } from './plain.ts';

/** [...] -> [product]. Only axis 1 keeps the batch apart. */
export const flatten: OpDefinition<'Flatten'> = {
  does: 'All dimensions but the batch joined',
  refuses: 'an axis that joins the batch',
  inputs: ['value'],
  parse(attributes, [x]) {
    const axis = attributes.int('axis', 1);
    const fromEnd = axis + 1 + (x?.shape?.length ?? 0);
    if (axis !== 1 && !(axis < 0 && fromEnd === 1))
      refuse(`axis ${axis} would flatten the batch; only axis 1 keeps it apart`);
    return { axis: 1 };
  },
  shape: (_attributes, [x = []]) => [[sizeOf(x)]],
  gradient: backToShape,
  cost: () => free,
  write: (node) => [
    {
      op: 'Flatten',
      name: node.name,
      inputs: node.inputs,
      outputs: node.outputs,
      attributes: { axis: { int: node.attributes.axis } },
    },
  ],
};
