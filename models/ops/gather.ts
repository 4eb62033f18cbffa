import { refuse } from '../refusal.ts';
import type { Shape } from '../tensor.ts';
import type { OpDefinition, ParsedInput } from './definition.ts';
import type { TrainingContext } from './gradient.ts';
import { free } from './plain.ts';

/**
 * The slices of x along `axis` at `indices`, in that order: a part of the channels, or all in another order.
 * Axes count from the batch, which is axis 0. An index occurs once, so a slice's gradient is that of its
 * place in the output.
 */
export const gather: OpDefinition<'Gather'> = {
  does: 'Slices along an axis in another order: channels shuffled, reversed or left out',
  refuses: "the batch's axis; computed indices; an index that occurs twice",
  inputs: ['value', 'constant'],
  parse(attributes, [x, indices]) {
    const given = attributes.int('axis', 0);
    const axis = given < 0 ? given + 1 + (x?.shape?.length ?? 0) : given;
    if (axis < 1) refuse(`axis ${given} would pick images; expected an axis after the batch`);
    return { axis, indices: indicesOf(indices, x?.shape?.[axis - 1] ?? 0) };
  },
  shape({ axis, indices }, [x = []]) {
    const length = x[axis - 1] ?? refuse(`axis ${axis} is beyond its input's ${x.length + 1} dimensions`);
    if (indices.length === 0 || !indices.every((i) => Number.isSafeInteger(i) && i >= 0 && i < length))
      refuse(`its indices are not all from 0 to ${length - 1}`);
    if (new Set(indices).size !== indices.length) refuse('an index occurs twice');
    return [x.with(axis - 1, indices.length)];
  },
  gradient(node, context) {
    context.forward(node);
    const { axis, indices } = node.attributes;
    return (dy) => [backToPlaces(context, dy, context.shapeOf(node.inputs[0]!), axis, indices)];
  },
  cost: () => free,
  write({ name, inputs: [x = ''], outputs, attributes: { axis, indices } }, writing) {
    const constant = writing.constant(`${name}/indices`, {
      dtype: 'int64',
      shape: [indices.length],
      data: BigInt64Array.from(indices, BigInt),
    });
    return [{ op: 'Gather', name, inputs: [x, constant], outputs, attributes: { axis: { int: axis } } }];
  },
};

function indicesOf(input: ParsedInput | undefined, length: number): number[] {
  const constant = input?.constant;
  if (constant?.dtype !== 'int64') refuse('its indices are not constant integers');
  if (constant.shape.length !== 1) refuse('its indices are not a list');
  return Array.from(constant.data, (i) => (i < 0n ? Number(i) + length : Number(i)));
}

/** Puts each slice of dy at its place in x; a slice that nobody picked gets zeros, which follow dy's last. */
function backToPlaces(
  { graph }: TrainingContext,
  dy: string,
  shape: Shape,
  axis: number,
  indices: readonly number[],
): string {
  const places = Array.from({ length: shape[axis]! }, () => indices.length);
  indices.forEach((index, i) => (places[index] = i));
  const isWhole = indices.length === places.length;
  const after = shape.map((_, i) => (i === axis ? 1 : 0));
  const padded = isWhole ? dy : graph.op('Pad', [dy, graph.ints([...shape.map(() => 0), ...after])]);
  return graph.op('Gather', [padded, graph.ints(places)], { axis: { int: axis } });
}
