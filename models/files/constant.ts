import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import { refuse } from '../refusal.ts';
import type { RawTensor } from '../onnx/raw.ts';

/**
 * A constant computed while a file is read, such as the target shape of a reshape or a transposed weight. The
 * one unknown is the batch size: an element that is the batch size holds 0, which a Reshape copies, and its
 * index is in `batchAt`.
 */
export type Constant = { readonly tensor: RawTensor; readonly batchAt: readonly number[] };

/** `shape` leaves out the batch for a computed value and is complete for a constant. */
export type FoldInput = { readonly constant: Constant | undefined; readonly shape: Shape | undefined };

export type Fold = (attributes: AttributeReader, inputs: readonly FoldInput[]) => Constant;

/** The most elements that a constant may have: 1 GiB of float32. */
export const maximumConstant = 2 ** 28;

export function known(tensor: RawTensor): Constant {
  return { tensor, batchAt: [] };
}

export function integers(
  values: readonly number[],
  shape: Shape = [values.length],
  batchAt: readonly number[] = [],
): Constant {
  if (!values.every(Number.isSafeInteger))
    refuse('it computes constants beyond 2^53, which are not exact here');
  return { tensor: { name: '', dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) }, batchAt };
}

export function given(input: FoldInput | undefined): Constant {
  return input?.constant ?? refuse('an input is not a constant');
}

/**
 * The elements of an integer constant, in row-major order. Refuses other types and elements that depend on
 * the batch.
 */
export function numbersOf(input: FoldInput | undefined): number[] {
  const { tensor, batchAt } = given(input);
  if (tensor.dtype !== 'int64') refuse('a shape, index or axis is not a list of integers');
  if (batchAt.length > 0) refuse('an index or axis depends on the batch size');
  return Array.from(tensor.data, Number);
}

/** Turns negative axes into axes counted from the front. Refuses axes that are out of range or repeated. */
export function axesWithin(axes: readonly number[], rank: number): number[] {
  const positive = axes.map((axis) => (axis < 0 ? axis + rank : axis));
  const valid = positive.every((axis) => Number.isSafeInteger(axis) && axis >= 0 && axis < rank);
  if (!valid || new Set(positive).size !== axes.length)
    refuse(`axes [${axes.join(', ')}] are out of range or repeated; its constant has ${rank} dimensions`);
  return positive;
}

/** Returns the constant of `shape` whose element i is element `from(i)` of the given constant. */
export function rearranged(
  { tensor, batchAt }: Constant,
  shape: Shape,
  from: (i: number) => number,
): Constant {
  const size = checkedSize(shape);
  const batch = new Set(batchAt);
  const pick = <T extends RawTensor['data']>(data: T, result: T): T => {
    for (let i = 0; i < size; i++) result[i] = data[from(i)]!;
    return result;
  };
  const moved: number[] = [];
  if (batch.size > 0) for (let i = 0; i < size; i++) if (batch.has(from(i))) moved.push(i);
  return { tensor: withData(tensor, shape, pick), batchAt: moved };
}

function withData(
  tensor: RawTensor,
  shape: Shape,
  pick: <T extends RawTensor['data']>(data: T, result: T) => T,
): RawTensor {
  const size = sizeOf(shape);
  if (tensor.dtype === 'float32')
    return { ...tensor, shape, data: pick(tensor.data, new Float32Array(size)) };
  if (tensor.dtype === 'int64') return { ...tensor, shape, data: pick(tensor.data, new BigInt64Array(size)) };
  if (tensor.dtype === 'int8') return { ...tensor, shape, data: pick(tensor.data, new Int8Array(size)) };
  return { ...tensor, shape, data: pick(tensor.data, new Uint8Array(size)) };
}

export function checkedSize(shape: Shape): number {
  const size = sizeOf(shape);
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0) || !(size <= maximumConstant))
    refuse(
      `its constant of shape [${shape.slice(0, 8).join(', ')}] is out of range; expected up to 2^28 elements`,
    );
  return size;
}

/** For each axis, how many elements lie between one index and the next, in row-major order. */
export function stridesOf(shape: Shape): number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1]! * shape[axis + 1]!;
  return strides;
}

/**
 * Returns a function that takes the row-major index i of an element of `shape` to its index in data that has
 * the given step along each axis and begins at `offset` (default: 0).
 */
export function indexer(shape: Shape, steps: readonly number[], offset = 0): (i: number) => number {
  return (i) => {
    let at = offset;
    for (let axis = shape.length - 1, rest = i; axis >= 0; axis--) {
      const size = shape[axis]!;
      at += (rest % size) * steps[axis]!;
      rest = Math.floor(rest / size);
    }
    return at;
  };
}
