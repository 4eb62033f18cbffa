import * as tf from '@tensorflow/tfjs-core';
import type { NodeOf, PolynomialForm } from '../../../graph.ts';
import { acrossPlaces } from './forward.ts';
import type { ForwardContext } from './forward.ts';

/** Computes g relu(x) + (1 - g) p(x); see models/ops/activations/gated-activation.ts. */
export function gatedActivation(
  node: NodeOf<'GatedActivation'>,
  [x, trained, c2, c1, c0, state]: readonly tf.Tensor[],
  { statistic }: ForwardContext,
): tf.Tensor {
  const { threshold, replacement } = node.attributes;
  const gate = threshold === undefined ? trained! : hysteresis(trained!, state!, threshold);
  if (threshold !== undefined) {
    statistic(node.inputs[5]!, gate);
    statistic(node.inputs[6]!, momentsOf(x!));
  }
  const [k2, k1, k0] = [c2!, c1!, c0!].map((c) => acrossPlaces(c, x!)) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const part = parts[replacement](x!, k2, k1, k0);
  return tf.add(tf.mul(gate, tf.relu(x!)), tf.mul(tf.sub(1, gate), part));
}

const parts: {
  readonly [K in PolynomialForm]: (x: tf.Tensor, c2: tf.Tensor, c1: tf.Tensor, c0: tf.Tensor) => tf.Tensor;
} = {
  none: (x) => tf.zerosLike(x),
  identity: (x) => x,
  affine: (x, _c2, c1, c0) => tf.add(tf.mul(c1, x), c0),
  quadratic: (x, c2, c1, c0) => tf.add(tf.add(tf.mul(c2, tf.square(x)), tf.mul(c1, x)), c0),
};

/**
 * The gate: a 1 stays 1 while m is above -threshold, a 0 becomes 1 when m is above threshold. The
 * straight-through gradient is softplus(m) (AutoReP: Peng et al., ICCV 2023).
 */
function hysteresis(trained: tf.Tensor, state: tf.Tensor, threshold: number): tf.Tensor {
  const through = tf.customGrad((m, save) => {
    const [number, saver] = [m as tf.Tensor, save as (tensors: tf.Tensor[]) => void];
    saver([number]);
    const isOpen = tf.greater(number, tf.sub(threshold, tf.mul(state, 2 * threshold)));
    return {
      value: tf.cast(isOpen, 'float32'),
      gradFunc: (dy: tf.Tensor, [saved]: tf.Tensor[]) => tf.mul(dy, tf.softplus(saved!)),
    };
  });
  return through(trained);
}

/**
 * Means per channel over the first 16 images of x, x^2, x^3, x^4 and of r, r^2, r^3 with r = relu(x): [7, C].
 */
function momentsOf(x: tf.Tensor): tf.Tensor {
  const some = tf.slice(x, 0, Math.min(16, x.shape[0]));
  const axes = x.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
  const power = (value: tf.Tensor, k: number) => tf.mean(tf.pow(value, k), axes);
  const relu = tf.relu(some);
  return tf.stack([...[1, 2, 3, 4].map((k) => power(some, k)), ...[1, 2, 3].map((k) => power(relu, k))]);
}
