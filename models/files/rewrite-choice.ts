import type { Node } from '../graph.ts';
import { AttributeReader } from '../ops/attributes.ts';
import type { ParsedInput } from '../ops/definition.ts';
import { refuse } from '../refusal.ts';
import type { Shape } from '../tensor.ts';
import type { RawTensor } from '../onnx/raw.ts';
import { known } from './constant.ts';
import { arithmetic } from './fold-arithmetic.ts';
import { valueName } from './rewriting.ts';
import type { Comparison, Rewrite, RewriteContext } from './rewriting.ts';

/**
 * Ops that choose between values, as sums of ReLUs: max(a, b) = b + relu(a - b), min(a, b) = a - relu(a - b),
 * and |x| is x or -x by its sign.
 */

type Inputs = readonly ParsedInput[];

export function maximum(side: 'Max' | 'Min'): Rewrite {
  return (_attributes, inputs, context) => {
    const values = inputs.filter((input) => input.constant === undefined);
    const constants = inputs.filter((input) => input.constant !== undefined);
    const [first = refuse('it has no computed input'), ...others] = [...values, ...constants];
    if (others.length === 0) return [identity(context, first)];
    const nodes: Node[] = [];
    let result = first;
    others.forEach((other, i) => {
      const isLast = i === others.length - 1;
      const part = isLast ? context : { ...context, ...named(context, `${side.toLowerCase()}${i}`) };
      nodes.push(...ofTwo(side, result, other, part));
      result = { ...first, name: part.output };
    });
    return nodes;
  };
}

function named({ node, output }: RewriteContext, part: string): { node: string; output: string } {
  return { node: `${node}/${part}`, output: `${output}/${part}` };
}

function identity({ node, output }: RewriteContext, x: ParsedInput): Node {
  return { op: 'Identity', name: node, inputs: [valueName(x)], outputs: [output], attributes: {} };
}

/** Of a value and a number it is a Relu or Clip; of two values, or a value and other constants, a sum. */
function ofTwo(side: 'Max' | 'Min', a: ParsedInput, b: ParsedInput, context: RewriteContext): Node[] {
  const { node, output } = context;
  const x = valueName(a);
  const number = numberOf(b, a);
  if (number !== undefined) {
    const ends = { name: node, inputs: [x], outputs: [output] };
    if (side === 'Max' && number === 0) return [{ op: 'Relu', ...ends, attributes: {} }];
    const bounds = side === 'Max' ? { min: number, max: Infinity } : { min: -Infinity, max: number };
    return [{ op: 'Clip', ...ends, attributes: bounds }];
  }
  const [fall, rise] = [named(context, 'difference'), named(context, 'relu')];
  const [difference, back] =
    b.constant === undefined
      ? [{ op: 'Sub', inputs: [x, b.name] } as const, b.name]
      : [
          { op: 'Add', inputs: [x, context.weight(mapped(b, 'negated', (v) => -v))] } as const,
          context.weight(b),
        ];
  const nodes: Node[] = [
    { ...difference, name: fall.node, outputs: [fall.output], attributes: {} },
    { op: 'Relu', name: rise.node, inputs: [fall.output], outputs: [rise.output], attributes: {} },
  ];
  const last = { name: node, outputs: [output], attributes: {} };
  if (side === 'Max') return [...nodes, { op: 'Add', inputs: [rise.output, back], ...last }];
  return [...nodes, { op: 'Sub', inputs: [x, rise.output], ...last }];
}

/** The finite number that all elements of a constant are, if the value beside it keeps its shape. */
function numberOf({ constant }: ParsedInput, beside: ParsedInput): number | undefined {
  if (constant?.dtype !== 'float32' || !isWithin(constant.shape, beside)) return undefined;
  const [value = NaN] = constant.data;
  return Number.isFinite(value) && constant.data.every((each) => each === value) ? value : undefined;
}

/** Whether a constant broadcasts to the shape that the value has. */
function isWithin(shape: Shape, { shape: value = [], batch = 1 }: ParsedInput): boolean {
  const whole = [batch, ...value];
  const missing = whole.length - shape.length;
  return missing >= 0 && shape.every((size, i) => size === 1 || size === whole[i + missing]);
}

/** |x| is x where x > 0, and -x elsewhere. */
export function absolute(
  _attributes: AttributeReader,
  [x]: Inputs,
  { node, output }: RewriteContext,
): Node[] {
  const ends = { name: node, inputs: [valueName(x)], outputs: [output] };
  return [{ op: 'LeakyRelu', ...ends, attributes: { alpha: -1 } }];
}

/** A comparison has no node of its own; what chooses by it has. */
export function comparison(isGreater: boolean): Rewrite {
  return (_attributes, [a, b], { output, comparisons }) => {
    const [left, right] = [a ?? refuse('an input is missing'), b ?? refuse('an input is missing')];
    comparisons.set(output, isGreater ? { larger: left, smaller: right } : { larger: right, smaller: left });
    return [];
  };
}

/** The opposite of a comparison. Where both sides are equal, either choice is the same here. */
export function negation(_attributes: AttributeReader, [x]: Inputs, context: RewriteContext): Node[] {
  const compared = context.comparisons.get(x?.name ?? '') ?? refuse('only a comparison can be negated');
  context.comparisons.set(context.output, opposite(compared));
  return [];
}

function opposite({ larger, smaller }: Comparison): Comparison {
  return { larger: smaller, smaller: larger };
}

/** With a constant condition, it is a sum of masked values; with a comparison, a maximum or minimum. */
export function where(
  _attributes: AttributeReader,
  [condition, yes, no]: Inputs,
  context: RewriteContext,
): Node[] {
  const [a, b] = [yes ?? refuse('an input is missing'), no ?? refuse('an input is missing')];
  const { comparisons, output } = context;
  if (comparisons.has(a.name) || comparisons.has(b.name)) refuse('it chooses between comparisons');
  if (condition?.constant !== undefined) return masked(condition, a, b, context);
  const compared = comparisons.get(condition?.name ?? '') ?? refuse(notChosen);
  const mask = asMask(compared, a, b);
  if (mask === undefined) return byComparison(compared, a, b, context);
  comparisons.set(output, mask);
  return [];
}

/** A choice between 1 and 0 is the comparison as a number, and one between 0 and 1 its opposite. */
function asMask(compared: Comparison, a: ParsedInput, b: ParsedInput): Comparison | undefined {
  const value = valueOf(compared);
  const [yes, no] = [numberOf(a, value), numberOf(b, value)];
  if (yes === 1 && no === 0) return compared;
  return yes === 0 && no === 1 ? opposite(compared) : undefined;
}

/** The value of a comparison with a constant, or one of two values. */
function valueOf({ larger, smaller }: Comparison): ParsedInput {
  return larger.constant === undefined ? larger : smaller;
}

/** The product of a value and a comparison, which is 0 or 1, chooses between the value and 0. */
export function maskedByComparison(inputs: Inputs, context: RewriteContext): Node[] {
  const values = inputs.filter(({ name }) => !context.comparisons.has(name));
  const mask = inputs.find(({ name }) => context.comparisons.has(name));
  const compared = context.comparisons.get(mask?.name ?? '');
  const [value] = values;
  if (compared === undefined || value === undefined) refuse('it multiplies two comparisons');
  const name = `${context.node}/zero`;
  const constant: RawTensor = { name, dtype: 'float32', shape: [], data: Float32Array.of(0) };
  return byComparison(compared, value, { name, shape: [], constant, batch: undefined }, context);
}

/** a where the comparison holds, else b. */
function byComparison(compared: Comparison, a: ParsedInput, b: ParsedInput, context: RewriteContext): Node[] {
  const { larger, smaller } = compared;
  const value = valueOf(compared);
  const are = (first: ParsedInput, second: ParsedInput) =>
    isSame(a, first, value) && isSame(b, second, value);
  if (are(larger, smaller)) return chosen('Max', a, b, context);
  if (are(smaller, larger)) return chosen('Min', a, b, context);
  const slope = leakySlope(compared, a, b, context) ?? leakySlope(opposite(compared), b, a, context);
  if (slope === undefined) refuse(notChosen);
  const ends = { name: context.node, inputs: [valueName(value)], outputs: [context.output] };
  return [{ op: 'LeakyRelu', ...ends, attributes: { alpha: slope } }];
}

/** The factor s of x where x > 0, else s x. */
function leakySlope(
  { larger, smaller }: Comparison,
  a: ParsedInput,
  b: ParsedInput,
  context: RewriteContext,
): number | undefined {
  const isOfSign = larger.constant === undefined && numberOf(smaller, larger) === 0;
  return isOfSign && isSame(a, larger, larger) ? slopeOf(b, larger, context) : undefined;
}

const notChosen =
  'only a constant condition, or a choice between the two values that are compared, is supported ' +
  '(a maximum, a minimum, or x and a multiple of x)';

function chosen(side: 'Max' | 'Min', a: ParsedInput, b: ParsedInput, context: RewriteContext): Node[] {
  return a.constant === undefined ? ofTwo(side, a, b, context) : ofTwo(side, b, a, context);
}

/** The same value or constant, or the same number beside `value`. */
function isSame(a: ParsedInput, b: ParsedInput, value: ParsedInput): boolean {
  if (a.name === b.name) return true;
  const number = numberOf(a, value);
  return number !== undefined && number === numberOf(b, value);
}

/** The factor s if `b` is computed as s x. */
function slopeOf(b: ParsedInput, x: ParsedInput, { producer, weightAt }: RewriteContext): number | undefined {
  const node = producer(b.name);
  if (node?.op !== 'Mul' || !node.inputs.includes(x.name)) return undefined;
  const factor = weightAt(node.inputs.find((name) => name !== x.name) ?? '');
  return factor?.data.length === 1 ? factor.data[0] : undefined;
}

/** m a + (1 - m) b, for a mask m of 0 and 1. */
function masked(condition: ParsedInput, a: ParsedInput, b: ParsedInput, context: RewriteContext): Node[] {
  const { shape, data } = condition.constant!;
  const mask = (side: string, f: (v: number) => number): ParsedInput => {
    const name = `${context.node}/${side}`;
    const constant: RawTensor = {
      name,
      dtype: 'float32',
      shape,
      data: Float32Array.from<number | bigint>(data as Uint8Array, (v) => f(Number(v))),
    };
    return { name, shape, constant, batch: undefined };
  };
  const [yes, no] = [mask('mask', (v) => (v === 0 ? 0 : 1)), mask('rest', (v) => (v === 0 ? 1 : 0))];
  const [first, second] = [named(context, 'yes'), named(context, 'no')];
  const of = (x: ParsedInput) => (x.constant === undefined ? x.name : context.weight(x));
  if (a.constant !== undefined && b.constant !== undefined)
    refuse('only a choice between computed values is supported');
  // A product of two constants is no node, so the value goes first and the constant's mask is applied to it.
  if (a.constant !== undefined || b.constant !== undefined) {
    const [value, keeps, other, rest] = a.constant === undefined ? [a, yes, b, no] : [b, no, a, yes];
    return [
      {
        op: 'Mul',
        name: first.node,
        inputs: [value.name, context.weight(keeps)],
        outputs: [first.output],
        attributes: {},
      },
      {
        op: 'Add',
        name: context.node,
        inputs: [first.output, context.weight(product(other, rest))],
        outputs: [context.output],
        attributes: {},
      },
    ];
  }
  return [
    {
      op: 'Mul',
      name: first.node,
      inputs: [of(a), context.weight(yes)],
      outputs: [first.output],
      attributes: {},
    },
    {
      op: 'Mul',
      name: second.node,
      inputs: [of(b), context.weight(no)],
      outputs: [second.output],
      attributes: {},
    },
    {
      op: 'Add',
      name: context.node,
      inputs: [first.output, second.output],
      outputs: [context.output],
      attributes: {},
    },
  ];
}

function product(a: ParsedInput, b: ParsedInput): ParsedInput {
  const inputs = [a, b].map(({ constant, shape }) => ({ constant: known(constant!), shape }));
  const { tensor } = arithmetic['Mul']!(new AttributeReader({}), inputs);
  return { name: `${b.name}/product`, shape: tensor.shape, constant: tensor, batch: undefined };
}

/** Applies f to every element of a float constant, which gets a name of its own. */
export function mapped(input: ParsedInput, what: string, f: (v: number) => number): ParsedInput {
  const constant = input.constant;
  if (constant?.dtype !== 'float32') refuse(`input ${input.name} is not a constant of floats`);
  const name = `${input.name}/${what}`;
  return { ...input, name, constant: { ...constant, name, data: constant.data.map(f) } };
}
