import type { Node } from '../graph.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import type { ParsedInput } from '../ops/definition.ts';
import { refuse } from '../refusal.ts';
import type { Shape } from '../tensor.ts';
import { given, known } from './constant.ts';
import type { Constant, Fold, FoldInput } from './constant.ts';
import type { RawTensor } from '../onnx/raw.ts';
import { valueName } from './rewriting.ts';
import type { RewriteContext } from './rewriting.ts';

/**
 * Quantised networks are read as networks of floats. Constants are computed as the file says: a weight is
 * (q - zero) scale (ONNX DequantizeLinear-13). A computed value between QuantizeLinear and DequantizeLinear
 * stays as it is, without the rounding.
 */
export const quantisation: Readonly<Record<string, Fold>> = {
  DequantizeLinear: foldDequantize,
  QuantizeLinear: foldQuantize,
};

/** Scale and zero point of element i. */
type Steps = (i: number) => { readonly scale: number; readonly zero: number };

function foldDequantize(attributes: AttributeReader, inputs: readonly FoldInput[]): Constant {
  const { tensor } = given(inputs[0]);
  const { steps } = stepsOf(attributes, tensor.shape, inputs);
  if (tensor.dtype === 'float32' || tensor.dtype === 'bool')
    refuse(`its constant is of type ${tensor.dtype}`);
  const data = new Float32Array(tensor.data.length);
  for (let i = 0; i < data.length; i++) {
    const { scale, zero } = steps(i);
    data[i] = (Number(tensor.data[i]) - zero) * scale;
  }
  return known({ name: '', dtype: 'float32', shape: tensor.shape, data });
}

/** Rounds to the nearest integer, ties to even, and limits to the type's range (ONNX QuantizeLinear-13). */
function foldQuantize(attributes: AttributeReader, inputs: readonly FoldInput[]): Constant {
  const { tensor } = given(inputs[0]);
  if (tensor.dtype !== 'float32') refuse(`its constant is of type ${tensor.dtype}`);
  const { steps, dtype } = stepsOf(attributes, tensor.shape, inputs);
  const [low, high] = limits[dtype];
  const quantised = (value: number, i: number) => {
    const { scale, zero } = steps(i);
    return Math.min(Math.max(roundedToEven(Math.fround(value / scale)) + zero, low), high);
  };
  const { shape } = tensor;
  if (dtype === 'int8')
    return known({ name: '', dtype, shape, data: new Int8Array(tensor.data.map(quantised)) });
  return known({ name: '', dtype, shape, data: new Uint8Array(tensor.data.map(quantised)) });
}

const limits = { int8: [-128, 127], uint8: [0, 255] } as const;
type Quantised = keyof typeof limits;

function roundedToEven(value: number): number {
  const rounded = Math.round(value);
  return rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

/** Scales and zero points are one for the tensor, or one for each slice along an axis. */
function stepsOf(
  attributes: AttributeReader,
  shape: Shape,
  [, scaleInput, zeroInput]: readonly FoldInput[],
): { steps: Steps; dtype: Quantised } {
  const axis = axisOf(attributes, shape.length);
  const scale = given(scaleInput).tensor;
  const zero = zeroInput?.constant?.tensor;
  if (scale.dtype !== 'float32') refuse('its scale is not a float');
  const count = scale.data.length;
  if (count !== 1 && (scale.shape.length !== 1 || count !== shape[axis]))
    refuse(`it has ${count} scales; expected 1 or one for each slice along axis ${axis}`);
  if (zero !== undefined && zero.data.length !== count) refuse('it has as many zero points as scales only');
  const inner = shape.slice(axis + 1).reduce((product, size) => product * size, 1);
  const at = (i: number) => (count === 1 ? 0 : Math.floor(i / inner) % count);
  const steps = (i: number) => ({ scale: scale.data[at(i)]!, zero: Number(zero?.data[at(i)] ?? 0) });
  return { steps, dtype: zero?.dtype === 'int8' ? 'int8' : 'uint8' };
}

function axisOf(attributes: AttributeReader, rank: number): number {
  const axis = attributes.int('axis', 1);
  attributes.int('saturate', 1);
  attributes.int('precision', 0);
  if (attributes.int('block_size', 0) !== 0) refuse('blocks of scales are not supported');
  if (attributes.int('output_dtype', 0) > 3) refuse('only integers of 8 bits and floats are supported');
  return axis < 0 ? axis + rank : axis;
}

/**
 * QuantizeLinear of a computed value is an Identity. A range that begins at 0 stands for the ReLU before it:
 * quantisers leave that node out, and a Clip to 0 and 6 too.
 */
export function quantizeLinear(
  attributes: AttributeReader,
  inputs: readonly ParsedInput[],
  { node, output, producer, quantised }: RewriteContext,
): readonly Node[] {
  const x = valueName(inputs[0]);
  const { scale, zero, dtype } = oneStep(attributes, inputs);
  quantised.set(output, `${scale} ${zero}`);
  const [low, high] = limits[dtype].map((limit) => (limit - zero) * scale) as [number, number];
  const ends = { name: node, inputs: [x], outputs: [output] };
  if (low < 0 || isNonNegative(x, producer)) return [{ op: 'Identity', ...ends, attributes: {} }];
  if (Math.abs(high - 6) < 0.03) return [{ op: 'Clip', ...ends, attributes: { min: 0, max: 6 } }];
  return [{ op: 'Relu', ...ends, attributes: {} }];
}

/** DequantizeLinear of what QuantizeLinear made with the same scale is an Identity. */
export function dequantizeLinear(
  attributes: AttributeReader,
  inputs: readonly ParsedInput[],
  { node, output, quantised }: RewriteContext,
): readonly Node[] {
  const x = valueName(inputs[0]);
  const { scale, zero } = oneStep(attributes, inputs);
  if (quantised.get(x) !== `${scale} ${zero}`)
    refuse('its input is not from a QuantizeLinear of the same scale');
  return [{ op: 'Identity', name: node, inputs: [x], outputs: [output], attributes: {} }];
}

function oneStep(attributes: AttributeReader, [, scaleInput, zeroInput]: readonly ParsedInput[]) {
  axisOf(attributes, 4);
  const [scale, zero] = [scaleInput?.constant, zeroInput?.constant];
  if (scale?.dtype !== 'float32' || scale.data.length !== 1)
    refuse('a computed value has one constant scale');
  if (zeroInput !== undefined && zeroInput.name !== '' && !isQuantised(zero))
    refuse('only integers of 8 bits are supported');
  const dtype: Quantised = zero?.dtype === 'int8' ? 'int8' : 'uint8';
  return { scale: Number(scale.data[0]), zero: Number(zero?.data[0] ?? 0), dtype };
}

function isQuantised(zero: RawTensor | undefined): boolean {
  return zero?.dtype === 'int8' || zero?.dtype === 'uint8';
}

/** Whether a value is never below zero, by the node that computes it and those that only move values. */
function isNonNegative(
  value: string,
  producer: RewriteContext['producer'],
  seen = new Set<string>(),
): boolean {
  if (seen.has(value)) return true; // it is being looked at
  seen.add(value);
  const node = producer(value);
  if (node === undefined) return false;
  if (node.op === 'Relu' || node.op === 'Sigmoid' || node.op === 'HardSigmoid') return true;
  if (node.op === 'Clip') return node.attributes.min >= 0;
  const moves = ['MaxPool', 'AveragePool', 'GlobalAveragePool', 'Flatten', 'Reshape', 'Identity', 'Concat'];
  return moves.includes(node.op) && node.inputs.every((input) => isNonNegative(input, producer, seen));
}
