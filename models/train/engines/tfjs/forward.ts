import * as tf from '@tensorflow/tfjs-core';
import type { NodeOf, OpType } from '../../../graph.ts';

export type ForwardContext = {
  /** Shape of the node's value, with the batch. */
  readonly outputShape: readonly number[];
  /** Receives a batch's contribution to a running statistic. */
  readonly statistic: (name: string, value: tf.Tensor) => void;
};

/**
 * Computes a node's value in its training form. Values have the batch as their first axis, weights do not.
 */
export type Forward<K extends OpType> = (
  node: NodeOf<K>,
  inputs: readonly tf.Tensor[],
  context: ForwardContext,
) => tf.Tensor;

/** Reshapes one number per channel to broadcast with [N, C, ...]. */
export function acrossPlaces(values: tf.Tensor, x: tf.Tensor): tf.Tensor {
  return tf.reshape(values, [-1, ...x.shape.slice(2).map(() => 1)]);
}
