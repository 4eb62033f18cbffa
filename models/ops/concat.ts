import { refuse } from '../refusal.ts';
import type { OpDefinition } from './definition.ts';
import { free } from './plain.ts';

/** Joins values along `axis`. Axes count from the batch, which is axis 0. */
export const concat: OpDefinition<'Concat'> = {
  does: 'Values joined along an axis',
  refuses: "the batch's axis; constant parts",
  inputs: ['values'],
  parse(attributes, [x]) {
    const axis = attributes.int('axis', 0);
    const positive = axis < 0 ? axis + 1 + (x?.shape?.length ?? 0) : axis;
    if (positive < 1) refuse(`axis ${axis} would join different images; expected an axis after the batch`);
    return { axis: positive };
  },
  shape({ axis }, inputs) {
    const [first = []] = inputs;
    if (axis > first.length) refuse(`axis ${axis} is beyond its inputs' ${first.length + 1} dimensions`);
    for (const shape of inputs) {
      if (shape.length !== first.length || shape.some((size, i) => i !== axis - 1 && size !== first[i]))
        refuse(
          `shapes [${first.join(', ')}] and [${shape.join(', ')}] differ along another axis than ${axis}`,
        );
    }
    const joined = inputs.reduce((sum, shape) => sum + shape[axis - 1]!, 0);
    return [first.map((size, i) => (i === axis - 1 ? joined : size))];
  },
  gradient(node, { graph, forward, shapeOf }) {
    forward(node);
    const { axis } = node.attributes;
    return (dy) =>
      graph.split(
        dy,
        node.inputs.map((name) => shapeOf(name)[axis]!),
        axis,
      );
  },
  cost: () => free,
  write: (node) => [
    {
      op: 'Concat',
      name: node.name,
      inputs: node.inputs,
      outputs: node.outputs,
      attributes: { axis: { int: node.attributes.axis } },
    },
  ],
};
