import type * as tf from '@tensorflow/tfjs-core';
import { inferShapes } from '../../../analysis/shapes.ts';
import type { Model } from '../../../graph.ts';
import { forwardNode } from './ops.ts';

export type TfjsNetwork = {
  /**
   * Computes the network's output [N, ...] for images [N, C, H, W]. `weights` returns a weight by name;
   * `statistic` receives the batch's contribution to each running statistic. The caller frees the tensors in
   * between.
   */
  readonly forward: (
    images: tf.Tensor,
    weights: (name: string) => tf.Tensor,
    statistic: (name: string, value: tf.Tensor) => void,
  ) => tf.Tensor;
};

/** The network's forward pass by tfjs, in its training form. */
export function tfjsNetwork(model: Model): TfjsNetwork {
  const shapes = inferShapes(model);
  const [input, output] = [model.graph.inputs[0]!.name, model.graph.outputs[0]!.name];
  return {
    forward(images, weights, statistic) {
      const values = new Map([[input, images]]);
      const batch = images.shape[0];
      for (const node of model.graph.nodes) {
        const name = node.outputs[0]!;
        const outputShape = [batch, ...shapes.get(name)!];
        const inputs = node.inputs
          .filter((given) => given !== '')
          .map((given) => values.get(given) ?? weights(given));
        values.set(name, forwardNode(node, inputs, { outputShape, statistic }));
      }
      return values.get(output)!;
    },
  };
}
