import type { Node } from '../graph.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import { clip } from '../ops/activations/clip.ts';
import { refuse } from '../refusal.ts';
import type { ParsedInput } from '../ops/definition.ts';
import { absolute, comparison, mapped, maximum, negation, where } from './rewrite-choice.ts';
import { globalMaxPool, reduction, squeeze } from './rewrite-reductions.ts';
import { gather, slice, split } from './rewrite-slices.ts';
import { convTranspose } from './rewrite-transposed.ts';
import { valueName } from './rewriting.ts';
import type { Rewrite, RewriteContext } from './rewriting.ts';
import { dequantizeLinear, quantizeLinear } from './quantisation.ts';
import { floatTypes } from './fold-arithmetic.ts';
import type { RawTensor } from '../onnx/raw.ts';

/** `becomes` is the text for docs/ops.md. */
type Entry = { readonly rule: Rewrite; readonly becomes: string };

const partOfChoice = 'a part of Where, or of a Mul of a value and the comparison: x (x > 0) is Relu';

export const rewrites: Readonly<Record<string, Entry>> = {
  ReduceMean: { rule: reduction('mean'), becomes: 'GlobalAveragePool, or AveragePool over height or width' },
  ReduceMax: { rule: reduction('max'), becomes: 'MaxPool over height, width or both' },
  ReduceSum: { rule: reduction('sum'), becomes: 'the same as ReduceMean, and Mul' },
  GlobalMaxPool: { rule: globalMaxPool, becomes: 'MaxPool over the whole map' },
  ConvTranspose: {
    rule: convTranspose,
    becomes: 'Conv with a map for each place within a stride, and a Gather that puts them in order',
  },
  Squeeze: { rule: squeeze, becomes: 'Flatten of a pooled map, with or without axes; Reshape of others' },
  Clip: {
    rule: clipOrRelu,
    becomes: 'Relu if only the lower bound 0 is set, Identity without bounds, else Clip',
  },
  Max: {
    rule: maximum('Max'),
    becomes: 'Relu for a value and 0, Clip for a value and another number, else b + relu(a - b)',
  },
  Min: { rule: maximum('Min'), becomes: 'Clip for a value and a number, else a - relu(a - b)' },
  Abs: { rule: absolute, becomes: 'LeakyRelu with the slope -1' },
  Where: {
    rule: where,
    becomes:
      'with a constant condition, a sum of masked values; with a comparison of what it chooses from, as Max, ' +
      'Min or LeakyRelu',
  },
  Greater: { rule: comparison(true), becomes: partOfChoice },
  GreaterOrEqual: { rule: comparison(true), becomes: partOfChoice },
  Less: { rule: comparison(false), becomes: partOfChoice },
  LessOrEqual: { rule: comparison(false), becomes: partOfChoice },
  Not: { rule: negation, becomes: 'the opposite comparison' },
  Gather: { rule: gather, becomes: 'itself; a single index removes the axis' },
  Slice: { rule: slice, becomes: 'Gather, if it does not cut the batch' },
  Split: { rule: split, becomes: 'a Gather for each part' },
  Sum: { rule: sum, becomes: 'a chain of Adds' },
  Sub: { rule: subtract, becomes: 'Add of the negative for a constant, else Sub' },
  Div: { rule: divide, becomes: 'Mul by the reciprocal of a constant' },
  Neg: { rule: negate, becomes: 'Mul by -1' },
  Pow: { rule: power, becomes: 'Mul of a value with itself for the exponent 2, Identity for 1' },
  QuantizeLinear: {
    rule: quantizeLinear,
    becomes: 'nothing: values are not rounded; Relu or Clip if its range begins at 0 or is that of ReLU6',
  },
  DequantizeLinear: { rule: dequantizeLinear, becomes: 'nothing, after QuantizeLinear' },
  Cast: {
    rule: cast,
    becomes: 'Identity between float types, which are all float32 here; of a comparison, itself',
  },
};

const notTheEnd =
  'only one over the classes at the end can be taken off; export the network up to its logits';

/** Ops that exporters often write but that are never supported, with the reason. */
export const refusals: Readonly<Record<string, string>> = {
  LogSoftmax: notTheEnd,
  Softmax: notTheEnd,
  If: 'control flow is not supported; export a trace of the network',
  Loop: 'control flow is not supported; export a trace of the network',
};

const unbounded = 1e30; // exporters write the largest float for "no bound", or a number near it

/** A Clip with the lower bound 0 and no upper bound is a Relu; one without bounds does nothing. */
function clipOrRelu(
  attributes: AttributeReader,
  inputs: readonly ParsedInput[],
  { node, output }: RewriteContext,
): readonly Node[] {
  const parsed = clip.parse(attributes, inputs);
  const [min, max] = [parsed.min, parsed.max].map((v) =>
    Math.abs(v) >= unbounded ? Math.sign(v) * Infinity : v,
  ) as [number, number];
  const ends = { name: node, inputs: [valueName(inputs[0])], outputs: [output] };
  if (max === Infinity && min === 0) return [{ op: 'Relu', ...ends, attributes: {} }];
  if (max === Infinity && min === -Infinity) return [{ op: 'Identity', ...ends, attributes: {} }];
  return [{ op: 'Clip', ...ends, attributes: { min, max } }];
}

/** A Sum of several values is a chain of Adds. */
function sum(
  _attributes: AttributeReader,
  inputs: readonly ParsedInput[],
  { node, output, weight }: RewriteContext,
): readonly Node[] {
  const names = inputs.map((input) => (input.constant === undefined ? input.name : weight(input)));
  const [first = refuse('it has no inputs'), ...rest] = names;
  if (rest.length === 0)
    return [{ op: 'Identity', name: node, inputs: [first], outputs: [output], attributes: {} }];
  const valueOf = (i: number) => (i === rest.length - 1 ? output : `${output}/sum${i}`);
  return rest.map((name, i) => ({
    op: 'Add',
    name: i === rest.length - 1 ? node : `${node}/sum${i}`,
    inputs: [i === 0 ? first : valueOf(i - 1), name],
    outputs: [valueOf(i)],
    attributes: {},
  }));
}

/** x - c is x + (-c), and c - x is c + (-1) x. */
function subtract(
  _attributes: AttributeReader,
  [a, b]: readonly ParsedInput[],
  { node, output, weight }: RewriteContext,
): readonly Node[] {
  const [left, right] = [a ?? refuse('an input is missing'), b ?? refuse('an input is missing')];
  if (right.constant !== undefined) {
    const inputs = [valueName(left), weight(mapped(right, 'negated', (v) => -v))];
    return [{ op: 'Add', name: node, inputs, outputs: [output], attributes: {} }];
  }
  if (left.constant === undefined)
    return [{ op: 'Sub', name: node, inputs: [left.name, right.name], outputs: [output], attributes: {} }];
  const negated = `${output}/negated`;
  return [
    minus(`${node}/negate`, right, negated, weight),
    { op: 'Add', name: node, inputs: [weight(left), negated], outputs: [output], attributes: {} },
  ];
}

/** -x is (-1) x. */
function negate(
  _attributes: AttributeReader,
  [x]: readonly ParsedInput[],
  { node, output, weight }: RewriteContext,
): readonly Node[] {
  return [minus(node, x ?? refuse('its input is missing'), output, weight)];
}

function minus(name: string, x: ParsedInput, output: string, weight: RewriteContext['weight']): Node {
  const minusOne: RawTensor = {
    name: `${name}/minus_one`,
    dtype: 'float32',
    shape: [],
    data: Float32Array.of(-1),
  };
  const factor = weight({ name: minusOne.name, shape: [], constant: minusOne, batch: undefined });
  return { op: 'Mul', name, inputs: [valueName(x), factor], outputs: [output], attributes: {} };
}

/** x^2 is x x. The exponent may be of any type. */
function power(
  _attributes: AttributeReader,
  [x, exponent]: readonly ParsedInput[],
  { node, output }: RewriteContext,
): readonly Node[] {
  const name = valueName(x);
  const data = exponent?.constant?.data;
  if (data === undefined) refuse('its exponent is not a constant');
  const exponents = new Set(Array.from<number | bigint, number>(data, Number));
  const widens = (exponent?.shape?.length ?? 0) > (x?.shape?.length ?? 0) + 1;
  const [first] = exponents;
  if (exponents.size !== 1 || (first !== 1 && first !== 2) || data.length > 1 || widens)
    refuse(`only a square is supported, not the power ${[...exponents].slice(0, 4).join(', ')}`);
  const ends = { name: node, outputs: [output], attributes: {} };
  return first === 1
    ? [{ op: 'Identity', ...ends, inputs: [name] }]
    : [{ op: 'Mul', ...ends, inputs: [name, name] }];
}

/** x / c is x (1 / c). */
function divide(
  _attributes: AttributeReader,
  [x, divisor]: readonly ParsedInput[],
  { node, output, weight }: RewriteContext,
): readonly Node[] {
  if (divisor?.constant === undefined) refuse('only a division by a constant is supported');
  const inputs = [valueName(x), weight(mapped(divisor, 'reciprocal', (v) => 1 / v))];
  return [{ op: 'Mul', name: node, inputs, outputs: [output], attributes: {} }];
}

/**
 * A cast between float types is an Identity, because all floats are float32 here. A comparison is 0 or 1 in
 * all types.
 */
function cast(
  attributes: AttributeReader,
  [x]: readonly ParsedInput[],
  { node, output, comparisons }: RewriteContext,
): readonly Node[] {
  const to = attributes.int('to', 0);
  attributes.int('saturate', 1);
  const compared = comparisons.get(x?.name ?? '');
  if (compared !== undefined) {
    comparisons.set(output, compared);
    return [];
  }
  if (!floatTypes.includes(to)) refuse(`a value can be cast to other floats only, not to data type ${to}`);
  return [{ op: 'Identity', name: node, inputs: [valueName(x)], outputs: [output], attributes: {} }];
}
