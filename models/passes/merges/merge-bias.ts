import { inferShapes } from '../../analysis/shapes.ts';
import type { Model, Node, NodeOf } from '../../graph.ts';
import { tensor } from '../../tensor.ts';
import type { Shape, Tensor } from '../../tensor.ts';
import { freshWeight, onlyConsumer, withNodes } from '../rewire.ts';

/**
 * Replaces MatMul(x, W) + b with Gemm(x, W, b), Conv(x) + b with Conv(x), and Gemm(x) + b with Gemm(x), for a
 * constant b with one element per output channel or one for all. If the layer already has a bias (times
 * beta), the two are added and rounded once.
 */
export function mergeBias(model: Model): Model {
  const shapes = inferShapes(model);
  const producers = new Map(model.graph.nodes.map((node) => [node.outputs[0]!, node]));
  return model.graph.nodes.reduce((merged, node) => {
    const match = node.op === 'Add' ? matchOf(merged, producers, node) : undefined;
    if (match === undefined) return merged;
    const bias = perChannel(model.weights.get(match.bias)!, shapes.get(match.linear.outputs[0]!)!);
    if (bias === undefined) return merged;
    const whole = merge(merged, match.linear, node, bias);
    if (whole === undefined) return merged;
    producers.set(node.outputs[0]!, whole.node);
    return whole.model;
  }, model);
}

type Linear = NodeOf<'Conv'> | NodeOf<'Gemm'> | NodeOf<'MatMul'>;

/** The layer before a sum with a constant, if no other node reads the layer's output. */
function matchOf(
  model: Model,
  producers: ReadonlyMap<string, Node>,
  { inputs }: Node,
): { linear: Linear; bias: string } | undefined {
  const [value, bias] = model.weights.has(inputs[0]!) ? [inputs[1]!, inputs[0]!] : [inputs[0]!, inputs[1]!];
  const linear = producers.get(value);
  if (!model.weights.has(bias) || linear === undefined || onlyConsumer(model.graph, value) === undefined)
    return undefined;
  return linear.op === 'Conv' || linear.op === 'Gemm' || linear.op === 'MatMul'
    ? { linear, bias }
    : undefined;
}

/**
 * The constant as one number per channel of a value of `shape`, or undefined if it varies within a channel.
 */
export function perChannel(
  { shape, data }: Tensor,
  [channels = 1, ...inner]: Shape,
): Float32Array | undefined {
  if (data.length === 1) return new Float32Array(channels).fill(data[0]!);
  const aligned = [channels, ...inner.map(() => 1)];
  return shape.join() === aligned.join() ? data : undefined;
}

function merge(
  model: Model,
  linear: Linear,
  sum: Node,
  bias: Float32Array,
): { model: Model; node: Node } | undefined {
  const [x, weight, old = ''] = linear.inputs as [string, string, string?];
  const name = freshWeight(model.weights, `${linear.name}.merged_bias`);
  const before = model.weights.get(old)?.data;
  const beta = linear.op === 'Gemm' ? linear.attributes.beta : 1;
  const merged = bias.map((b, c) =>
    before === undefined ? b : b + beta * before[before.length === 1 ? 0 : c]!,
  );
  if (!merged.every(Number.isFinite)) return undefined;
  const rest = { name: linear.name, inputs: [x, weight, name], outputs: sum.outputs };
  const node: Node =
    linear.op === 'Conv'
      ? { op: 'Conv', ...rest, attributes: linear.attributes }
      : { op: 'Gemm', ...rest, attributes: gemmAttributes(linear) };
  const nodes = model.graph.nodes.filter((n) => n !== linear).map((n) => (n === sum ? node : n));
  const weights = new Map(model.weights).set(name, tensor([merged.length], merged));
  return { model: withNodes(model, nodes, weights), node };
}

function gemmAttributes(linear: NodeOf<'Gemm'> | NodeOf<'MatMul'>): NodeOf<'Gemm'>['attributes'] {
  if (linear.op === 'Gemm') return { ...linear.attributes, beta: 1 };
  return { alpha: 1, beta: 1, transA: false, transB: false };
}
