import type { Model, Node, NodeOf } from '../../graph.ts';
import { tensor } from '../../tensor.ts';
import type { Tensor } from '../../tensor.ts';
import { consumersOf } from '../../analysis/shapes.ts';
import { freshWeight, onlyConsumer, withNodes } from '../rewire.ts';

/**
 * Replaces BatchNormalization(Conv(x)) with Conv(x), and BatchNormalization(Gemm(x)) with Gemm(x). Per output
 * channel,
 *
 *   g (W x + b - m) / sqrt(v + e) + h  =  (s W) x + (s (b - m) + h),   s = g / sqrt(v + e)
 *
 * For Gemm, y = alpha x B' + beta c:  B' becomes s B' and c becomes s (beta c - m) + h, written with beta =
 * 1. The new numbers are computed in float64 and rounded once. The pair is left as it is if another node
 * reads the convolution's output or its weight, or if a new number is too large for float32.
 */
export function foldBatchNorm(model: Model): Model {
  return model.graph.nodes.reduce((folded, node) => {
    const before = node.op === 'BatchNormalization' ? producerOf(folded, node) : undefined;
    if (before === undefined || !canFold(folded, before)) return folded;
    return foldPair(folded, before, node as NodeOf<'BatchNormalization'>) ?? folded;
  }, model);
}

type Linear = NodeOf<'Conv'> | NodeOf<'Gemm'>;

function producerOf(model: Model, batchNorm: Node): Linear | undefined {
  const node = model.graph.nodes.find((n) => n.outputs[0] === batchNorm.inputs[0]);
  return node?.op === 'Conv' || node?.op === 'Gemm' ? node : undefined;
}

function canFold(model: Model, linear: Linear): boolean {
  const weightUsers = consumersOf(model.graph).get(linear.inputs[1]!)!;
  return onlyConsumer(model.graph, linear.outputs[0]!) !== undefined && weightUsers.length === 1;
}

function foldPair(model: Model, linear: Linear, batchNorm: NodeOf<'BatchNormalization'>): Model | undefined {
  const { slope, shift } = channelLines(model, batchNorm);
  const [x, weightName, biasName] = linear.inputs as [string, string, string?];
  const newBias = freshWeight(model.weights, `${linear.name}.folded_bias`);
  const beta = linear.op === 'Gemm' ? linear.attributes.beta : 1;
  const bias = model.weights.get(biasName ?? '')?.data;
  const weights = new Map(model.weights);
  weights.set(weightName, scaleChannels(model.weights.get(weightName)!, slope, channelAxis(linear)));
  weights.set(
    newBias,
    tensor(
      [slope.length],
      Float32Array.from(slope, (s, c) => s * beta * biasAt(bias, c) + shift[c]!),
    ),
  );
  const isFinite = [weightName, newBias].every((name) => areFinite(weights.get(name)!.data));
  if (!isFinite) return undefined;
  const inputs = [x, weightName, newBias];
  const folded = { ...linear, ...withUnitBeta(linear), inputs, outputs: batchNorm.outputs } as Node;
  const nodes = model.graph.nodes.filter((n) => n !== linear).map((n) => (n === batchNorm ? folded : n));
  return withNodes(model, nodes, weights);
}

/** The line y = slope x + shift of each channel. */
export type ChannelLines = { readonly slope: Float64Array; readonly shift: Float64Array };

/** A batch norm as lines, in float64. */
export function channelLines(
  model: Model,
  { inputs, attributes }: NodeOf<'BatchNormalization'>,
): ChannelLines {
  const [scale, bias, mean, variance] = inputs.slice(1).map((name) => model.weights.get(name)!.data) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const slope = Float64Array.from(scale, (g, c) => g / Math.sqrt(variance[c]! + attributes.epsilon));
  const shift = slope.map((s, c) => bias[c]! - s * mean[c]!);
  return { slope, shift };
}

/** A channel's bias; a bias of one element holds for all channels. */
function biasAt(bias: Float32Array | undefined, channel: number): number {
  return bias === undefined ? 0 : bias[bias.length === 1 ? 0 : channel]!;
}

function withUnitBeta(linear: Linear) {
  return linear.op === 'Gemm' ? { attributes: { ...linear.attributes, beta: 1 } } : {};
}

/** The axis of the weight that counts output channels. */
function channelAxis(linear: Linear): 0 | 1 {
  return linear.op === 'Gemm' && !linear.attributes.transB ? 1 : 0;
}

function scaleChannels({ shape, data }: Tensor, slope: Float64Array, axis: 0 | 1): Tensor {
  const inner = shape.slice(axis + 1).reduce((product, d) => product * d, 1);
  const scaled = new Float32Array(data.length);
  for (let from = 0, row = 0; from < data.length; from += inner, row++) {
    const factor = slope[row % slope.length]!;
    for (let i = from; i < from + inner; i++) scaled[i] = data[i]! * factor;
  }
  return tensor(shape, scaled);
}

/** As `every(Number.isFinite)`, which takes several times as long. */
function areFinite(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
