import type { GraphBuilder } from '../onnx/graph-builder.ts';
import type { Node, NodeOf, OpType } from '../graph.ts';
import type { Shape } from '../tensor.ts';

/**
 * What a node's gradient may use. Values have the batch, of fixed size, as their first axis here; weights
 * have the model's shape.
 */
export type TrainingContext = {
  readonly graph: GraphBuilder;
  readonly batch: number;
  /** Shape of a weight, or of a value with the batch. */
  readonly shapeOf: (name: string) => Shape;
  readonly isWeight: (name: string) => boolean;
  /** Appends the node in its inference form. */
  readonly forward: (node: Node) => void;
  /**
   * Registers a batch's contribution to a running statistic: the weight `name` becomes momentum * old + (1 -
   * momentum) * scale * value.
   */
  readonly statistic: (name: string, update: StatisticUpdate) => void;
};

export type StatisticUpdate = {
  readonly value: string;
  readonly momentum: number;
  readonly scale: number;
};

/**
 * Appends the node's forward pass in its training form and returns the backward pass. The backward pass is
 * the node's vector-Jacobian product; it is appended when it is called.
 */
export type Gradient<K extends OpType> = (node: NodeOf<K>, context: TrainingContext) => Pullback;

/**
 * Takes the gradient of the node's output and returns the gradient of each input that is `wanted`, in the
 * input's shape. The entries of other inputs may be undefined.
 */
export type Pullback = (dy: string, wanted: readonly boolean[]) => readonly (string | undefined)[];

/**
 * Sums a gradient of shape `from` over the axes along which ONNX broadcast a value of shape `to`; the result
 * has the shape `to`.
 */
export function reduceTo(graph: GraphBuilder, gradient: string, from: Shape, to: Shape): string {
  if (from.join() === to.join()) return gradient;
  const extra = from.length - to.length;
  const axes = from.flatMap((size, i) => (i < extra || (to[i - extra] === 1 && size !== 1) ? [i] : []));
  const summed = graph.sum(gradient, axes, true);
  return extra === 0 ? summed : graph.reshape(summed, to);
}

/**
 * Sums a value over images and places: [N, C, ...] -> [C]. Summing one axis after the other takes a third to
 * a half of the time of summing both at once (64 channels of 32 x 32: 0.2 ms instead of 0.4; as ReduceMean
 * 0.7).
 */
export function sumByChannel(
  graph: GraphBuilder,
  value: string,
  [batch = 1, channels = 1, ...places]: Shape,
): string {
  const perImage =
    places.length === 0 ? value : graph.sum(graph.reshape(value, [batch, channels, -1]), [2], false);
  return graph.sum(perImage, [0], false);
}
