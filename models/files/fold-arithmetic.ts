import { defined } from '../../src/shared/defined.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import { broadcast } from '../ops/broadcast.ts';
import { refuse } from '../refusal.ts';
import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import { checkedSize, given, indexer, integers, known, numbersOf, stridesOf } from './constant.ts';
import type { Constant, Fold, FoldInput } from './constant.ts';
import type { RawTensor } from '../onnx/raw.ts';

/**
 * The ops that compute with constants. Integers are held as numbers, exact up to 2^53; floats are rounded to
 * float32 at the end.
 */

/**
 * How an op computes with floats and with integers. Integer division truncates, and Mod has the divisor's
 * sign (ONNX Div-14, Mod-13). `neutral` is the operand that leaves the other one unchanged.
 */
type Binary = { readonly ofFloats: Operation; readonly ofIntegers: Operation; readonly neutral?: number };
type Operation = (a: number, b: number) => number;

const both = (operation: Operation, neutral?: number): Binary => ({
  ofFloats: operation,
  ofIntegers: operation,
  ...defined({ neutral }),
});

const binaries = {
  Add: both((a, b) => a + b, 0),
  Sub: both((a, b) => a - b, 0),
  Mul: both((a, b) => a * b, 1),
  Div: { ofFloats: (a, b) => a / b, ofIntegers: (a, b) => Math.trunc(a / b), neutral: 1 },
  Mod: both((a, b) => a - b * Math.floor(a / b)),
  Pow: both((a, b) => a ** b, 1),
  Min: both(Math.min),
  Max: both(Math.max),
} as const satisfies Record<string, Binary>;

const comparisons = {
  Equal: (a, b) => Number(a === b),
  Greater: (a, b) => Number(a > b),
  Less: (a, b) => Number(a < b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  LessOrEqual: (a, b) => Number(a <= b),
  And: (a, b) => a & b,
  Or: (a, b) => a | b,
} as const satisfies Record<string, Operation>;

const unaries = {
  Neg: (a) => -a,
  Abs: Math.abs,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Sqrt: Math.sqrt,
  Exp: Math.exp,
  Reciprocal: (a) => 1 / a,
} as const satisfies Record<string, (a: number) => number>;

export const arithmetic: Readonly<Record<string, Fold>> = {
  ...mapped(binaries, (op, name) => (attributes, inputs) => {
    if (name === 'Mod' && attributes.int('fmod', 0) !== 0) refuse('its attribute fmod is not supported');
    const [first = refuse('it has no inputs'), ...others] = inputs.map(given);
    return others.reduce((a, b) => binary(op, name, a, b), first);
  }),
  ...mapped(
    comparisons,
    (op) =>
      (_attributes, [a, b]) =>
        compare(op, given(a), given(b)),
  ),
  ...mapped(
    unaries,
    (op) =>
      (_attributes, [a]) =>
        unary(op, given(a)),
  ),
  Not: (_attributes, [a]) =>
    booleans(
      given(a).tensor.shape,
      Array.from(numbers(given(a).tensor), (v) => Number(v === 0)),
    ),
  Cast: cast,
  Where: where,
  Range: range,
  ConstantOfShape: constantOfShape,
  ReduceProd: reduceProd,
};

function mapped<T>(
  table: Readonly<Record<string, T>>,
  make: (op: T, name: string) => Fold,
): Record<string, Fold> {
  return Object.fromEntries(Object.entries(table).map(([name, op]) => [name, make(op, name)]));
}

/**
 * For each axis of `to`, the step between elements of a constant of shape `from` that broadcasts to it (0
 * along stretched axes).
 */
export function broadcastSteps(from: Shape, to: Shape): number[] {
  const strides = stridesOf(from);
  return to.map((_, i) => {
    const axis = i - to.length + from.length;
    return axis < 0 || from[axis] === 1 ? 0 : strides[axis]!;
  });
}

/**
 * Applies f to the elements of a and b, broadcast against each other. `batch` says which of the two is the
 * batch size at that element, if any.
 */
function zip(
  a: Constant,
  b: Constant,
  f: (x: number, y: number, batch: 'a' | 'b' | undefined, i: number) => number,
): { shape: Shape; values: Float64Array } {
  const shape = broadcast(a.tensor.shape, b.tensor.shape);
  const [atA, atB] = [a, b].map((c) => indexer(shape, broadcastSteps(c.tensor.shape, shape))) as [
    Index,
    Index,
  ];
  const [batchA, batchB] = [new Set(a.batchAt), new Set(b.batchAt)];
  const values = new Float64Array(checkedSize(shape));
  for (let i = 0; i < values.length; i++) {
    const [j, k] = [atA(i), atB(i)];
    if (batchA.has(j) && batchB.has(k)) batchMisused();
    const batch = batchA.has(j) ? 'a' : batchB.has(k) ? 'b' : undefined;
    values[i] = f(Number(a.tensor.data[j]), Number(b.tensor.data[k]), batch, i);
  }
  return { shape, values };
}

type Index = (i: number) => number;

function batchMisused(): never {
  return refuse('it computes with the batch size; only a reshape that keeps the batch is supported');
}

function binary(op: Binary, name: string, a: Constant, b: Constant): Constant {
  if (a.tensor.dtype !== b.tensor.dtype) refuse('its constants have different types');
  const { dtype } = a.tensor;
  const batchAt: number[] = [];
  const operation = dtype === 'int64' ? op.ofIntegers : op.ofFloats;
  const commutes = name === 'Add' || name === 'Mul';
  const { shape, values } = zip(a, b, (x, y, batch, i) => {
    if (batch === undefined) return operation(x, y);
    const other = batch === 'a' ? y : x;
    if (other !== op.neutral || (batch === 'b' && !commutes)) batchMisused();
    batchAt.push(i);
    return 0;
  });
  return { ...typed(dtype, shape, values), batchAt };
}

/**
 * The batch size is at least 1, so it differs from every constant below 1. Other comparisons with it are
 * refused.
 */
function compare(op: Operation, a: Constant, b: Constant): Constant {
  const { shape, values } = zip(a, b, (x, y, batch) => {
    const other = batch === 'a' ? y : x;
    if (batch !== undefined && (op !== comparisons.Equal || other > 0)) batchMisused();
    return batch === undefined ? op(x, y) : 0;
  });
  return booleans(shape, Array.from(values));
}

function unary(op: (a: number) => number, { tensor, batchAt }: Constant): Constant {
  const keepsBatch = op === Math.floor || op === Math.ceil;
  if (batchAt.length > 0 && !keepsBatch) batchMisused();
  return {
    ...typed(
      tensor.dtype,
      tensor.shape,
      numbers(tensor).map((v) => op(v)),
    ),
    batchAt,
  };
}

function typed(dtype: RawTensor['dtype'], shape: Shape, values: Float64Array): Constant {
  if (dtype === 'float32') return known({ name: '', dtype, shape, data: Float32Array.from(values) });
  if (dtype === 'int64') return integers(Array.from(values), shape);
  return refuse('its constants are not numbers');
}

function numbers({ data }: RawTensor): Float64Array {
  return data instanceof BigInt64Array ? Float64Array.from(data, Number) : Float64Array.from(data);
}

function booleans(shape: Shape, values: readonly number[]): Constant {
  return known({ name: '', dtype: 'bool', shape, data: Uint8Array.from(values) });
}

// TensorProto.DataType
export const floatTypes: readonly number[] = [1, 10, 11, 16];
const integerTypes: readonly number[] = [6, 7];
const boolType = 9;

function cast(attributes: AttributeReader, [input]: readonly FoldInput[]): Constant {
  const to = attributes.int('to', 0);
  attributes.int('saturate', 1);
  const { tensor, batchAt } = given(input);
  if (floatTypes.includes(to))
    return tensor.dtype === 'float32'
      ? { tensor, batchAt }
      : { ...typed('float32', tensor.shape, numbers(tensor)), batchAt };
  if (integerTypes.includes(to))
    return tensor.dtype === 'int64'
      ? { tensor, batchAt }
      : { ...typed('int64', tensor.shape, numbers(tensor).map(Math.trunc)), batchAt };
  if (to !== boolType || batchAt.length > 0)
    refuse(`it casts a constant to data type ${to}; expected floats, integers or booleans`);
  return booleans(
    tensor.shape,
    Array.from(numbers(tensor), (v) => Number(v !== 0)),
  );
}

function where(_attributes: AttributeReader, [condition, yes, no]: readonly FoldInput[]): Constant {
  const [c, a, b] = [given(condition), given(yes), given(no)];
  if (a.tensor.dtype !== b.tensor.dtype) refuse('its constants have different types');
  const shape = broadcast(broadcast(a.tensor.shape, b.tensor.shape), c.tensor.shape);
  const [atC, atA, atB] = [c, a, b].map((x) => indexer(shape, broadcastSteps(x.tensor.shape, shape))) as [
    Index,
    Index,
    Index,
  ];
  const batchAt: number[] = [];
  const values = new Float64Array(checkedSize(shape));
  for (let i = 0; i < values.length; i++) {
    const [from, at] = c.tensor.data[atC(i)] ? [a, atA(i)] : [b, atB(i)];
    values[i] = Number(from.tensor.data[at]);
    if (from.batchAt.includes(at)) batchAt.push(i);
  }
  return { ...typed(a.tensor.dtype, shape, values), batchAt };
}

function range(_attributes: AttributeReader, [start, limit, delta]: readonly FoldInput[]): Constant {
  const [from = 0, to = 0, step = 0] = [start, limit, delta].map((input) => numbersOf(input)[0]);
  const count = Math.max(0, Math.ceil((to - from) / step));
  if (step === 0 || !(count <= 65_536))
    refuse(`it has ${count} elements; expected at most 65536 and a step other than 0`);
  return integers(Array.from({ length: count }, (_, i) => from + i * step));
}

/** Equal numbers for every image of the batch have one in its place, from which they broadcast. */
function constantOfShape(attributes: AttributeReader, [input]: readonly FoldInput[]): Constant {
  const { tensor, batchAt } = given(input);
  const value = attributes.tensor('value');
  const isOfBatch = batchAt.join() === '0' && value?.dtype !== 'int64' && tensor.dtype === 'int64';
  const shape = isOfBatch ? Array.from(tensor.data, Number).with(0, 1) : numbersOf(input);
  const size = checkedSize(shape);
  const fill = Number(value?.data[0] ?? 0);
  if (value?.dtype === 'int64') {
    const data = new BigInt64Array(size).fill(BigInt(fill));
    return known({ name: '', dtype: 'int64', shape, data });
  }
  if (value !== undefined && value.dtype !== 'float32') refuse('its value is not a number');
  return known({ name: '', dtype: 'float32', shape, data: new Float32Array(size).fill(fill) });
}

/** The product of a vector, which exporters use to count the elements of a shape. */
function reduceProd(attributes: AttributeReader, inputs: readonly FoldInput[]): Constant {
  const [input] = inputs;
  const values = numbersOf(input);
  const { shape } = given(input).tensor;
  const axes = attributes.ints('axes') ?? (inputs.length > 1 ? numbersOf(inputs[1]) : [0]);
  attributes.int('noop_with_empty_axes', 0);
  const keeps = attributes.int('keepdims', 1) !== 0;
  if (shape.length !== 1 || axes.length !== 1) refuse('its constant is not a vector');
  return integers([sizeOf(values)], keeps ? [1] : []);
}
