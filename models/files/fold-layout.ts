import type { AttributeReader } from '../ops/attributes.ts';
import { refuse } from '../refusal.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import { axesWithin, given, indexer, numbersOf, rearranged, stridesOf } from './constant.ts';
import type { Constant, FoldInput } from './constant.ts';
import { broadcastSteps } from './fold-arithmetic.ts';

/** The ops that only move the elements of constants. */

type Inputs = readonly FoldInput[];

export function gather(attributes: AttributeReader, [input, indices]: Inputs): Constant {
  const x = given(input);
  const { shape } = x.tensor;
  const [axis = 0] = axesWithin([attributes.int('axis', 0)], shape.length);
  const length = shape[axis]!;
  const wanted = numbersOf(indices).map((i) => (i < 0 ? i + length : i));
  for (const i of wanted)
    if (!(i >= 0 && i < length)) refuse(`its index ${i} is out of range; axis ${axis} has ${length} values`);
  const inner = sizeOf(shape.slice(axis + 1));
  const result = [...shape.slice(0, axis), ...given(indices).tensor.shape, ...shape.slice(axis + 1)];
  return rearranged(x, result, (i) => {
    const row = Math.floor(i / inner);
    const outer = Math.floor(row / wanted.length);
    return (outer * length + wanted[row % wanted.length]!) * inner + (i % inner);
  });
}

/**
 * As in ONNX Slice-10, starts, ends, axes and steps are inputs, and bounds outside the constant are clamped.
 */
export function slice(
  _attributes: AttributeReader,
  [input, starts, ends, axesInput, stepsInput]: Inputs,
): Constant {
  const x = given(input);
  const shape = [...x.tensor.shape];
  const [from, to] = [numbersOf(starts), numbersOf(ends)];
  const axes = axesWithin(
    axesInput === undefined ? from.map((_, i) => i) : numbersOf(axesInput),
    shape.length,
  );
  const steps = stepsInput === undefined ? from.map(() => 1) : numbersOf(stepsInput);
  if (from.length !== axes.length || to.length !== axes.length || steps.length !== axes.length)
    refuse('its starts, ends, axes and steps differ in number');
  const strides = stridesOf(shape);
  let offset = 0;
  axes.forEach((axis, i) => {
    const { first, count } = sliced(shape[axis]!, from[i]!, to[i]!, steps[i]!);
    offset += first * strides[axis]!;
    strides[axis]! *= steps[i]!;
    shape[axis] = count;
  });
  return rearranged(x, shape, indexer(shape, strides, offset));
}

/** The first index of a slice, whose bounds are clamped to the length, and how many there are. */
export function sliced(
  length: number,
  start: number,
  end: number,
  step: number,
): { first: number; count: number } {
  if (step === 0) refuse('its step is 0');
  const [low, high] = step > 0 ? [0, length] : [-1, length - 1];
  const clamp = (i: number) => Math.min(Math.max(i < 0 ? i + length : i, low), high);
  const first = clamp(start);
  return { first, count: Math.max(0, Math.ceil((clamp(end) - first) / step)) };
}

export function concat(attributes: AttributeReader, inputs: Inputs): Constant {
  const parts = inputs.map(given);
  const [first] = parts;
  if (first === undefined || parts.some(({ tensor }) => tensor.dtype !== first.tensor.dtype))
    refuse('its constants have different types');
  const rank = first.tensor.shape.length;
  const [axis = 0] = axesWithin([attributes.int('axis', 0)], rank);
  const same = ({ tensor: { shape } }: Constant) =>
    shape.length === rank && shape.every((d, i) => i === axis || d === first.tensor.shape[i]);
  if (!parts.every(same)) refuse(`its constants differ along another axis than ${axis}`);
  // Element i lies in part k of row i / row. Parts are stored one after the other, so part k begins at
  // starts[k] * outer.
  const lengths = parts.map(({ tensor }) => sizeOf(tensor.shape.slice(axis)));
  const joined = parts.reduce((sum, { tensor }) => sum + tensor.shape[axis]!, 0);
  const shape = first.tensor.shape.map((d, i) => (i === axis ? joined : d));
  const row = lengths.reduce((sum, length) => sum + length, 0);
  const all = flattened(parts);
  const starts = lengths.map((_, k) => lengths.slice(0, k).reduce((sum, length) => sum + length, 0));
  const outer = sizeOf(first.tensor.shape.slice(0, axis));
  return rearranged(all, shape, (i) => {
    const within = i % row;
    const k = starts.findLastIndex((start) => start <= within);
    return starts[k]! * outer + Math.floor(i / row) * lengths[k]! + within - starts[k]!;
  });
}

/** The elements of all parts in one vector, part after part. */
function flattened(parts: readonly Constant[]): Constant {
  const size = parts.reduce((sum, { tensor }) => sum + tensor.data.length, 0);
  const ends: number[] = [];
  for (const { tensor } of parts) ends.push((ends.at(-1) ?? 0) + tensor.data.length);
  const batchAt = parts.flatMap((part, k) => part.batchAt.map((i) => i + (ends[k - 1] ?? 0)));
  const first = parts[0]!.tensor;
  if (first.dtype === 'float32') {
    const data = new Float32Array(size);
    parts.forEach(({ tensor }, k) => data.set(tensor.data as Float32Array, ends[k - 1] ?? 0));
    return { tensor: { ...first, shape: [size], data }, batchAt };
  }
  if (first.dtype === 'int64') {
    const data = new BigInt64Array(size);
    parts.forEach(({ tensor }, k) => data.set(tensor.data as BigInt64Array, ends[k - 1] ?? 0));
    return { tensor: { ...first, shape: [size], data }, batchAt };
  }
  if (first.dtype === 'int8') refuse('it joins 8-bit integers; join them after DequantizeLinear');
  const data = new Uint8Array(size);
  parts.forEach(({ tensor }, k) => data.set(tensor.data as Uint8Array, ends[k - 1] ?? 0));
  return { tensor: { ...first, shape: [size], data }, batchAt };
}

export function transpose(attributes: AttributeReader, [input]: Inputs): Constant {
  const x = given(input);
  const { shape } = x.tensor;
  const order = attributes.ints('perm') ?? shape.map((_, i) => shape.length - 1 - i);
  if (order.length !== shape.length)
    refuse(`perm [${order.join(', ')}] does not fit a constant of ${shape.length} dimensions`);
  const axes = axesWithin(order, shape.length);
  const strides = stridesOf(shape);
  const result = axes.map((axis) => shape[axis]!);
  return rearranged(
    x,
    result,
    indexer(
      result,
      axes.map((axis) => strides[axis]!),
    ),
  );
}

/** In the target shape, 0 copies a dimension and -1 takes the remaining elements. */
export function reshape(attributes: AttributeReader, [input, target]: Inputs): Constant {
  const { shape } = given(input).tensor;
  const wanted = numbersOf(target);
  const copies = attributes.int('allowzero', 0) === 0;
  const sized = wanted.map((d, i) => (d === 0 && copies ? (shape[i] ?? -2) : d));
  const rest = sizeOf(shape) / sizeOf(sized.filter((d) => d !== -1));
  return reshaped(
    given(input),
    sized.map((d) => (d === -1 ? rest : d)),
  );
}

export function squeeze(attributes: AttributeReader, [input, axesInput]: Inputs): Constant {
  const { shape } = given(input).tensor;
  const listed = axesInput === undefined ? attributes.ints('axes') : numbersOf(axesInput);
  const axes = axesWithin(listed ?? shape.flatMap((d, i) => (d === 1 ? [i] : [])), shape.length);
  if (axes.some((axis) => shape[axis] !== 1)) refuse('it squeezes a dimension that is not 1');
  return reshaped(
    given(input),
    shape.filter((_, i) => !axes.includes(i)),
  );
}

export function unsqueeze(attributes: AttributeReader, [input, axesInput]: Inputs): Constant {
  const { shape } = given(input).tensor;
  const listed = axesInput === undefined ? (attributes.ints('axes') ?? []) : numbersOf(axesInput);
  const rank = shape.length + listed.length;
  const axes = axesWithin(listed, rank);
  const rest = [...shape];
  return reshaped(
    given(input),
    Array.from({ length: rank }, (_, i) => (axes.includes(i) ? 1 : rest.shift()!)),
  );
}

export function flatten(attributes: AttributeReader, [input]: Inputs): Constant {
  const { shape } = given(input).tensor;
  const axis = attributes.int('axis', 1);
  const at = axis < 0 ? axis + shape.length : axis;
  return reshaped(given(input), [sizeOf(shape.slice(0, at)), sizeOf(shape.slice(at))]);
}

/**
 * Broadcasts both ways: where the target has a 1, a larger dimension of the constant stays. Floats that are
 * the same for every image of the batch have one in its place, from which they broadcast.
 */
export function expand(_attributes: AttributeReader, [input, target]: Inputs): Constant {
  const x = given(input);
  const to = given(target);
  const isOfBatch = to.batchAt.join() === '0' && x.tensor.dtype === 'float32' && to.tensor.dtype === 'int64';
  const wanted = isOfBatch ? Array.from(to.tensor.data, Number).with(0, 1) : numbersOf(target);
  const rank = Math.max(wanted.length, x.tensor.shape.length);
  const aligned = (shape: Shape, i: number) => shape[i - rank + shape.length] ?? 1;
  const shape = Array.from({ length: rank }, (_, i) => {
    const [a, b] = [aligned(x.tensor.shape, i), aligned(wanted, i)];
    if (a !== b && a !== 1 && b !== 1)
      refuse(`its constant [${x.tensor.shape.join(', ')}] does not broadcast to [${wanted.join(', ')}]`);
    return a === 1 ? b : a;
  });
  return rearranged(x, shape, indexer(shape, broadcastSteps(x.tensor.shape, shape)));
}

/** The same elements in another shape, without a copy. */
function reshaped({ tensor, batchAt }: Constant, shape: Shape): Constant {
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0) || sizeOf(shape) !== tensor.data.length)
    refuse(`a constant [${tensor.shape.join(', ')}] does not fit the target shape [${shape.join(', ')}]`);
  return { tensor: { ...tensor, shape }, batchAt };
}
