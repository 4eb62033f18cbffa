import { backToShape } from './plain.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import { refuse } from '../refusal.ts';
import type { OpDefinition, ParsedInput } from './definition.ts';
import { free } from './plain.ts';

export const reshape: OpDefinition<'Reshape'> = {
  does: 'The values of each image in another shape',
  refuses: 'shapes that mix images; allowzero',
  inputs: ['value', 'constant'],
  parse(attributes, [x, shape]) {
    if (attributes.int('allowzero', 0) !== 0) refuse('allowzero is not supported');
    const target = shape?.constant;
    if (x?.shape === undefined || target?.dtype !== 'int64')
      refuse('its target shape is not a constant list of integers');
    return { shape: withoutBatch([...target.data].map(Number), x) };
  },
  shape: ({ shape }, [x = []]) => [fill(shape, sizeOf(x))],
  gradient: backToShape,
  cost: () => free,
  write(node, writing) {
    const shape = [0, ...node.attributes.shape]; // 0 copies the batch
    const constant = writing.constant(`${node.name}/shape`, {
      dtype: 'int64',
      shape: [shape.length],
      data: BigInt64Array.from(shape, BigInt),
    });
    return [{ op: 'Reshape', name: node.name, inputs: [node.inputs[0]!, constant], outputs: node.outputs }];
  },
};

/**
 * Turns an ONNX Reshape's target shape, batch first, into ours without the batch. A 0 copies a dimension of
 * the input, a -1 takes the remaining elements.
 */
function withoutBatch([batch, ...rest]: readonly number[], x: ParsedInput): Shape {
  const input = x.shape ?? [];
  const shape = rest.map((size, i) =>
    size === 0
      ? (input[i] ??
        refuse(`the 0 at position ${i + 1} of its target shape copies a dimension that the input lacks`))
      : size,
  );
  const keepsBatch = batch === 0 || batch === x.batch || (batch === -1 && !shape.includes(-1));
  if (!keepsBatch) refuse(`target shape [${[batch, ...rest].join(', ')}] does not keep the batch`);
  return shape;
}

/** Returns `shape` with its -1, if any, replaced so that it holds `size` elements. */
function fill(shape: Shape, size: number): Shape {
  const known = shape.reduce((product, s) => (s === -1 ? product : product * s), 1);
  const unknown = shape.filter((s) => s === -1).length;
  const rest = unknown === 1 ? size / known : 1;
  const fits = unknown <= 1 && Number.isSafeInteger(rest) && rest > 0 && known * rest === size;
  if (!fits || shape.some((s) => s < 1 && s !== -1))
    refuse(`${size} values do not fit the target shape [${shape.join(', ')}]`);
  return shape.map((s) => (s === -1 ? rest : s));
}
