import type { AttributeReader } from '../ops/attributes.ts';
import { refuse } from '../refusal.ts';
import { sizeOf } from '../tensor.ts';
import { given, integers, known } from './constant.ts';
import type { Constant, Fold, FoldInput } from './constant.ts';
import { arithmetic } from './fold-arithmetic.ts';
import { quantisation } from './quantisation.ts';
import * as layout from './fold-layout.ts';

/** The constant that a node computes, or undefined if it computes no constant. */
export function fold(
  op: string,
  attributes: AttributeReader,
  inputs: readonly FoldInput[],
): Constant | undefined {
  const rule = Object.hasOwn(folds, op) ? folds[op] : undefined;
  if (rule === undefined) return undefined;
  const ofShape = op === 'Shape' || op === 'Size';
  if (!ofShape && inputs.some((input) => input.constant === undefined)) return undefined;
  return rule(attributes, inputs);
}

/** Whether nodes of this op are computed while the file is read, if their inputs are constants. */
export function isFoldable(op: string): boolean {
  return Object.hasOwn(folds, op);
}

const folds: Readonly<Record<string, Fold>> = {
  ...arithmetic,
  ...quantisation,
  Constant: constant,
  Shape: shapeOfValue,
  Size: sizeOfValue,
  Identity: (_attributes, [x]) => given(x),
  Gather: layout.gather,
  Slice: layout.slice,
  Concat: layout.concat,
  Squeeze: layout.squeeze,
  Unsqueeze: layout.unsqueeze,
  Transpose: layout.transpose,
  Reshape: layout.reshape,
  Flatten: layout.flatten,
  Expand: layout.expand,
};

/** The ops that are computed while a file is read, if their inputs are constants or shapes. */
export const foldedOps: readonly string[] = Object.keys(folds);

function constant(attributes: AttributeReader): Constant {
  const tensor = attributes.tensor('value');
  if (tensor !== undefined) return known(tensor);
  const ints = attributes.ints('value_ints');
  if (ints !== undefined) return integers(ints);
  const floats = attributes.floats('value_floats');
  if (floats !== undefined)
    return known({ name: '', dtype: 'float32', shape: [floats.length], data: Float32Array.from(floats) });
  const int = attributes.int('value_int', NaN);
  if (!Number.isNaN(int)) return integers([int], []);
  const float = attributes.float('value_float', NaN);
  if (Number.isNaN(float)) refuse('its value is missing; expected a tensor, a number or a list of numbers');
  return known({ name: '', dtype: 'float32', shape: [], data: Float32Array.of(float) });
}

/**
 * The shape of a value or constant; the element that is the batch size holds 0 and is marked in `batchAt`.
 */
function shapeOfValue(attributes: AttributeReader, [x]: readonly FoldInput[]): Constant {
  const isValue = x?.constant === undefined;
  const shape = x?.constant?.tensor.shape ?? x?.shape ?? refuse('the shape of its input is unknown');
  const whole = isValue ? [0, ...shape] : shape;
  const start = attributes.int('start', 0);
  const end = attributes.int('end', whole.length);
  const first = start < 0 ? Math.max(0, whole.length + start) : start;
  const part = whole.slice(start, end);
  return integers(part, [part.length], isValue && first === 0 && part.length > 0 ? [0] : []);
}

function sizeOfValue(_attributes: AttributeReader, [x]: readonly FoldInput[]): Constant {
  const constant = x?.constant ?? refuse('the number of elements of a value depends on the batch');
  return integers([sizeOf(constant.tensor.shape)], []);
}
