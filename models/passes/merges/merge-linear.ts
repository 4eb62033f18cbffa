import { inferShapes } from '../../analysis/shapes.ts';
import type { ConvAttributes, Model, Node, NodeOf } from '../../graph.ts';
import { tensor } from '../../tensor.ts';
import type { Shape } from '../../tensor.ts';
import { composed, hasEmptyBorder, read } from './compose-linear.ts';
import type { Linear } from './compose-linear.ts';
import { freshWeight, onlyConsumer, withNodes } from '../rewire.ts';

/**
 * The sizes of a convolution; height and width are those of its input before padding. A fully connected layer
 * is a 1 x 1 kernel on a 1 x 1 image.
 */
export type ConvolutionSizes = ConvAttributes & {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly height: number;
  readonly width: number;
};

/** Decides whether the merged layer is better than the two that it replaces. */
export type Worth = (first: ConvolutionSizes, second: ConvolutionSizes, merged: ConvolutionSizes) => boolean;

/**
 * Replaces Conv(Conv(x)) with Conv(x), and Gemm(Gemm(x)) with Gemm(x), if `worth` says so and the result is
 * **exact**. It is exact if no other node reads the value between the two, and the second layer either has no
 * padding or follows a 1 x 1 layer without padding and bias, whose output beyond the border is zero too. With
 * zero padding in both layers, the merged one would differ on the ring at the border. New weights are
 * computed in float64 and rounded once.
 */
export function mergeLinear(model: Model, worth: Worth): Model {
  const shapes = inferShapes(model);
  const producers = new Map(model.graph.nodes.map((node) => [node.outputs[0]!, node]));
  return model.graph.nodes.reduce((merged, second) => {
    const first = isLinear(second) ? producers.get(second.inputs[0]!) : undefined;
    if (first === undefined || !isLinear(first) || !isLinear(second)) return merged;
    if (onlyConsumer(merged.graph, first.outputs[0]!) === undefined) return merged;
    const whole = merge(merged, shapes, first, second, worth);
    if (whole === undefined) return merged;
    producers.set(second.outputs[0]!, whole.node);
    return whole.model;
  }, model);
}

type LinearNode = NodeOf<'Conv'> | NodeOf<'Gemm'> | NodeOf<'MatMul'>;

function isLinear(node: Node): node is LinearNode & Node {
  return node.op === 'Conv' || node.op === 'Gemm' || node.op === 'MatMul';
}

function merge(
  model: Model,
  shapes: ReadonlyMap<string, Shape>,
  first: LinearNode,
  second: LinearNode,
  worth: Worth,
): { model: Model; node: Node } | undefined {
  if ((first.op === 'Conv') !== (second.op === 'Conv')) return undefined;
  const [before, after] = [read(model, first), read(model, second)];
  if (!hasEmptyBorder(before, after)) return undefined;
  const product = composed(before, after);
  if (product === undefined) return undefined;
  const sizes = (node: LinearNode, linear: Linear) => sizesOf(shapes.get(node.inputs[0]!)!, linear);
  if (!worth(sizes(first, before), sizes(second, after), sizes(first, product))) return undefined;
  return writeMerged(model, { first, second }, product);
}

function sizesOf([, height = 1, width = 1]: Shape, linear: Linear): ConvolutionSizes {
  const { inChannels, outChannels, attributes } = linear;
  return { ...attributes, inChannels, outChannels, height, width };
}

/** Two linear layers that become one, and what lies between them and goes too. */
export type Pair = {
  readonly first: LinearNode;
  readonly between?: readonly (Node | undefined)[];
  readonly second: LinearNode;
};

/**
 * Puts the product of two layers in the place of the second, under its name. Returns undefined if a new
 * number is too large for float32.
 */
export function writeMerged(
  model: Model,
  { first, between = [], second }: Pair,
  product: Linear,
): { model: Model; node: Node } | undefined {
  const [weight, bias] = ['weight', 'bias'].map((part) =>
    freshWeight(model.weights, `${second.name}.merged_${part}`),
  ) as [string, string];
  const { inChannels, outChannels, attributes } = product;
  const rows = [outChannels, inChannels / attributes.group];
  const values = [new Float32Array(product.weights), new Float32Array(product.bias)] as const;
  if (!values.every((data) => data.every(Number.isFinite))) return undefined;
  const weights = new Map(model.weights)
    .set(weight, tensor(first.op === 'Conv' ? [...rows, ...attributes.kernel] : rows, values[0]))
    .set(bias, tensor([outChannels], values[1]));
  const head = { name: second.name, inputs: [first.inputs[0]!, weight, bias], outputs: second.outputs };
  const node: Node =
    first.op === 'Conv'
      ? { op: 'Conv', ...head, attributes }
      : { op: 'Gemm', ...head, attributes: { alpha: 1, beta: 1, transA: false, transB: true } };
  const gone = new Set<Node | undefined>([first, ...between]);
  const nodes = model.graph.nodes.filter((n) => !gone.has(n)).map((n) => (n === second ? node : n));
  return { model: withNodes(model, nodes, weights), node };
}
