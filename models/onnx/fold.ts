import { sizeOf } from '../tensor.ts';
import type { Shape } from '../tensor.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import { refuse } from '../ops/definition.ts';
import type { RawTensor } from './raw.ts';

/**
 * What exporters compute with constants: the target shapes of reshapes, and weights that are transposed or renamed.
 * The one unknown in it is the batch; a vector that holds it is written with 0 there, which a Reshape copies.
 */
export type Constant = { readonly tensor: RawTensor; readonly batchAt: readonly number[] };

export type FoldInput = { readonly constant: Constant | undefined; readonly shape: Shape | undefined };

type Fold = (attributes: AttributeReader, inputs: readonly FoldInput[]) => Constant;

/** The constant that the node computes, or undefined where it is no such node. */
export function fold(
  op: string,
  attributes: AttributeReader,
  inputs: readonly FoldInput[],
): Constant | undefined {
  const rule = Object.hasOwn(folds, op) ? folds[op] : undefined;
  if (rule === undefined) return undefined;
  if (op !== 'Shape' && inputs.some((input) => input.constant === undefined)) return undefined;
  return rule(attributes, inputs);
}

/** Whether nodes of this op vanish where their inputs are constants. */
export function isFoldable(op: string): boolean {
  return Object.hasOwn(folds, op);
}

const folds: Readonly<Record<string, Fold>> = {
  Constant: constant,
  Shape: shapeOfValue,
  Identity: (_attributes, [x]) => given(x),
  Cast: cast,
  Gather: gather,
  Slice: slice,
  Concat: concat,
  Squeeze: (attributes, [x]) => (attributes.ints('axes'), squeeze(given(x))),
  Unsqueeze: (attributes, [x]) => (attributes.ints('axes'), unsqueeze(given(x))),
  Transpose: transpose,
  Reshape: (attributes, [x, shape]) => (attributes.int('allowzero', 0), reshape(given(x), given(shape))),
};

function constant(attributes: AttributeReader): Constant {
  const tensor = attributes.tensor('value');
  if (tensor !== undefined) return known(tensor);
  const ints = attributes.ints('value_ints');
  if (ints !== undefined) return integers(ints, [ints.length]);
  const int = attributes.int('value_int', NaN);
  if (!Number.isNaN(int)) return integers([int], []);
  const float = attributes.float('value_float', NaN);
  if (Number.isNaN(float)) refuse('its value is neither a tensor nor a number');
  return known({ name: '', dtype: 'float32', shape: [], data: Float32Array.of(float) });
}

function shapeOfValue(attributes: AttributeReader, [x]: readonly FoldInput[]): Constant {
  if (x?.constant !== undefined) return integers(x.constant.tensor.shape, [x.constant.tensor.shape.length]);
  const whole = [0, ...(x?.shape ?? refuse('the shape of its input is not known'))];
  const start = attributes.int('start', 0);
  const part = whole.slice(start, attributes.int('end', whole.length));
  const first = start < 0 ? Math.max(0, whole.length + start) : start;
  return integers(part, [part.length], first === 0 && part.length > 0 ? [0] : []);
}

function cast(attributes: AttributeReader, [x]: readonly FoldInput[]): Constant {
  attributes.int('to', 0);
  attributes.int('saturate', 1);
  return given(x);
}

function gather(attributes: AttributeReader, [x, index]: readonly FoldInput[]): Constant {
  if (attributes.int('axis', 0) !== 0) refuse('a Gather of constants along another axis than 0');
  const { values, batchAt } = vector(x);
  const wanted = vector(index).values.map((i) => (i < 0 ? i + values.length : i));
  const found = wanted.map((i) => values[i] ?? refuse(`index ${i} is beyond its ${values.length} values`));
  const batch = wanted.flatMap((i, position) => (batchAt.includes(i) ? [position] : []));
  return integers(found, given(index).tensor.shape, batch);
}

function slice(_attributes: AttributeReader, inputs: readonly FoldInput[]): Constant {
  const [x, starts, ends, axes, steps] = inputs;
  const one = (input: FoldInput | undefined, fallback: number) =>
    input === undefined ? fallback : (vector(input).values[0] ?? fallback);
  if (one(axes, 0) !== 0 || one(steps, 1) !== 1) refuse('a Slice of constants with axes or steps');
  const { values, batchAt } = vector(x);
  const start = one(starts, 0);
  const from = start < 0 ? Math.max(0, values.length + start) : start;
  const part = values.slice(from, one(ends, values.length));
  return integers(
    part,
    [part.length],
    batchAt.map((i) => i - from).filter((i) => i >= 0 && i < part.length),
  );
}

function concat(attributes: AttributeReader, inputs: readonly FoldInput[]): Constant {
  if (attributes.int('axis', 0) !== 0) refuse('a Concat of constants along another axis than 0');
  const parts = inputs.map(vector);
  const values = parts.flatMap((part) => part.values);
  let offset = 0;
  const batchAt = parts.flatMap((part) => {
    const shifted = part.batchAt.map((i) => i + offset);
    offset += part.values.length;
    return shifted;
  });
  return integers(values, [values.length], batchAt);
}

/** Only of vectors of one element to scalars: there the axis is always 0. */
function squeeze({ tensor, batchAt }: Constant): Constant {
  if (tensor.shape.join() !== '1') refuse('a Squeeze of a constant that is not a vector of one element');
  return { tensor: { ...tensor, shape: [] }, batchAt };
}

/** Only of scalars to vectors: there the axis is always 0. */
function unsqueeze({ tensor, batchAt }: Constant): Constant {
  if (tensor.shape.length > 0) refuse('an Unsqueeze of a constant that is not a scalar');
  return { tensor: { ...tensor, shape: [1] }, batchAt };
}

function reshape({ tensor, batchAt }: Constant, { tensor: target }: Constant): Constant {
  const wanted =
    target.dtype === 'int64' ? Array.from(target.data, Number) : refuse('its target shape is not integer');
  const rest = sizeOf(tensor.shape) / -sizeOf(wanted.filter((d) => d !== 0));
  const shape = wanted.map((d, i) => (d === -1 ? rest : d === 0 ? (tensor.shape[i] ?? 0) : d));
  if (shape.some((d) => !Number.isSafeInteger(d) || d < 1) || sizeOf(shape) !== sizeOf(tensor.shape))
    refuse(`a constant [${tensor.shape.join(', ')}] does not fit the target shape [${wanted.join(', ')}]`);
  return { tensor: { ...tensor, shape }, batchAt };
}

function transpose(attributes: AttributeReader, [x]: readonly FoldInput[]): Constant {
  const { tensor } = given(x);
  const order = attributes.ints('perm') ?? [1, 0];
  const [rows, columns] = tensor.shape;
  if (tensor.dtype !== 'float32' || tensor.shape.length !== 2 || order.join() !== '1,0')
    refuse('a Transpose of a constant that is not a matrix of floats');
  const data = new Float32Array(tensor.data.length);
  for (let r = 0; r < rows!; r++)
    for (let c = 0; c < columns!; c++) data[c * rows! + r] = tensor.data[r * columns! + c]!;
  return known({ name: tensor.name, dtype: 'float32', shape: [columns!, rows!], data });
}

function given(input: FoldInput | undefined): Constant {
  return input?.constant ?? refuse('an input is not a constant');
}

function vector(input: FoldInput | undefined): { values: number[]; batchAt: readonly number[] } {
  const { tensor, batchAt } = given(input);
  if (tensor.dtype !== 'int64' || tensor.shape.length > 1)
    refuse('a computation with constants that are not integers');
  return { values: Array.from(tensor.data, Number), batchAt };
}

function integers(values: readonly number[], shape: Shape, batchAt: readonly number[] = []): Constant {
  return { tensor: { name: '', dtype: 'int64', shape, data: BigInt64Array.from(values, BigInt) }, batchAt };
}

export function known(tensor: RawTensor): Constant {
  return { tensor, batchAt: [] };
}
