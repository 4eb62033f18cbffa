import * as tf from '@tensorflow/tfjs-core';
import type { NodeOf, OpType } from '../../../graph.ts';

export type ForwardContext = {
  /** Whole shape of the node's value, the batch included. */
  readonly outputShape: readonly number[];
  /** Says what a batch contributes to a running statistic. */
  readonly statistic: (name: string, value: tf.Tensor) => void;
};

/** A node's value as training computes it. Values carry the batch in front, weights do not. */
export type Forward<K extends OpType> = (
  node: NodeOf<K>,
  inputs: readonly tf.Tensor[],
  context: ForwardContext,
) => tf.Tensor;

/** One number a channel, in the shape that meets [N, C, ...]. */
export function perChannel(values: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return tf.reshape(values, [-1, ...x.shape.slice(2).map(() => 1)]);
}
