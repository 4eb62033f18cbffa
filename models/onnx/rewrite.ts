import type { Node, Pads } from '../graph.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import { refuse } from '../ops/definition.ts';
import type { ParsedInput } from '../ops/definition.ts';
import type { Shape } from '../tensor.ts';

/** What exporters write in other ops than ours: each rule gives the same in ours, or refuses with the reason. */
export type Rewrite = (
  attributes: AttributeReader,
  inputs: readonly ParsedInput[],
  names: { readonly node: string; readonly output: string },
) => readonly Node[];

export const rewrites: Readonly<Record<string, Rewrite>> = { ReduceMean: reduceMean, Squeeze: squeeze };

const onlyRelu = 'only the plain ReLU is supported as activation';

/** Ops that are often met and never taken, with the reason. */
export const refusals: Readonly<Record<string, string>> = {
  Clip: 'only the plain ReLU is supported, without an upper bound',
  Elu: onlyRelu,
  Erf: onlyRelu,
  Gelu: onlyRelu,
  HardSigmoid: onlyRelu,
  HardSwish: onlyRelu,
  LeakyRelu: onlyRelu,
  PRelu: onlyRelu,
  Sigmoid: onlyRelu,
  Tanh: onlyRelu,
  LogSoftmax: 'export the network up to its logits',
  Softmax: 'export the network up to its logits',
  If: 'control flow is not supported',
  Loop: 'control flow is not supported',
};

/** The mean over height and width. */
function reduceMean(
  attributes: AttributeReader,
  [x, axesInput]: readonly ParsedInput[],
  { node, output }: { node: string; output: string },
): readonly Node[] {
  const keepsDimensions = attributes.int('keepdims', 1) !== 0;
  attributes.int('noop_with_empty_axes', 0);
  const axes = attributes.ints('axes') ?? axesOf(axesInput);
  const positive = axes.map((axis) => (axis < 0 ? axis + 4 : axis)).sort();
  if (x?.shape?.length !== 3 || positive.join() !== '2,3')
    refuse(`only the mean over height and width is supported, not over axes [${axes.join(', ')}]`);
  const pooled = keepsDimensions ? output : `${output}/pooled`;
  const pool: Node = {
    op: 'GlobalAveragePool',
    name: node,
    inputs: [x.name],
    outputs: [pooled],
    attributes: {},
  };
  return keepsDimensions ? [pool] : [pool, flattenOf(`${node}/flatten`, pooled, output)];
}

/** Dropping dimensions of size 1 of [C, 1, 1]: the batch is never dropped. */
function squeeze(
  attributes: AttributeReader,
  [x, axesInput]: readonly ParsedInput[],
  { node, output }: { node: string; output: string },
): readonly Node[] {
  const axes = (attributes.ints('axes') ?? axesOf(axesInput))
    .map((axis) => (axis < 0 ? axis + 4 : axis))
    .sort();
  if (x?.shape?.length !== 3 || x.shape[1] !== 1 || x.shape[2] !== 1 || axes.join() !== '2,3')
    refuse('only the height and width of a pooled value can be squeezed');
  return [flattenOf(node, x.name, output)];
}

function flattenOf(name: string, x: string, output: string): Node {
  return { op: 'Flatten', name, inputs: [x], outputs: [output], attributes: { axis: 1 } };
}

function axesOf(input: ParsedInput | undefined): readonly number[] {
  const constant = input?.constant;
  return constant?.dtype === 'int64'
    ? Array.from(constant.data, Number)
    : refuse('its axes are not constant');
}

/** A Pad node as the pads of the convolution that follows. */
export type PendingPad = { readonly source: string; readonly pads: Pads };

/** Zeros around height and width; anything else is refused. */
export function readPad(
  attributes: AttributeReader,
  [x, padsInput, valueInput, axesInput]: readonly ParsedInput[],
): { pending: PendingPad; shape: Shape } {
  if (attributes.string('mode', 'constant') !== 'constant')
    refuse('only padding with a constant is supported');
  if (valueInput?.constant !== undefined && Number(valueInput.constant.data[0]) !== 0)
    refuse('only padding with zeros is supported');
  if (axesInput !== undefined && axesInput.name !== '') refuse('padding of chosen axes is not supported');
  const pads = axesOf(padsInput);
  const [, , top = -1, left = -1, , , bottom = -1, right = -1] = pads;
  const others = [pads[0], pads[1], pads[4], pads[5]];
  if (x?.shape?.length !== 3 || pads.length !== 8 || others.some((p) => p !== 0))
    refuse(`only height and width can be padded, not by [${pads.join(', ')}]`);
  if ([top, left, bottom, right].some((p) => p < 0)) refuse('negative padding (cropping) is not supported');
  const [channels, height, width] = x.shape as [number, number, number];
  return {
    pending: { source: x.name, pads: [top, left, bottom, right] },
    shape: [channels, height + top + bottom, width + left + right],
  };
}
