import { inferShapes } from '../analysis/shapes.ts';
import type { Model, Node } from '../graph.ts';
import { tensor } from '../tensor.ts';
import { perChannel } from './merges/merge-bias.ts';
import { freshWeight, withNodes } from './rewire.ts';

/**
 * Replaces c x with a BatchNormalization of scale c, bias 0, mean 0, variance 1 and epsilon 0, for a constant
 * c with one element per channel or one for all. The code that folds or privately runs batch norms then
 * handles scales as well. This is for inference only: in training it would normalise.
 */
export function scaleAsBatchNorm(model: Model): Model {
  if (!model.graph.nodes.some((node) => node.op === 'Mul')) return model;
  const shapes = inferShapes(model);
  const weights = new Map(model.weights);
  const nodes = model.graph.nodes.map((node): Node => {
    const [a, b] = node.inputs as [string, string];
    const [x, factor] = model.weights.has(a) ? [b, a] : [a, b];
    const shape = shapes.get(x);
    const constant = model.weights.get(factor);
    if (node.op !== 'Mul' || shape === undefined || constant === undefined) return node;
    const scale = perChannel(constant, shape);
    const widens = shapes.get(node.outputs[0]!)!.join() !== shape.join();
    if (scale === undefined || widens || shape.length === 0) return node;
    const parts = { scale, bias: 0, mean: 0, variance: 1 };
    const inputs = Object.entries(parts).map(([part, values]) => {
      const data = typeof values === 'number' ? new Float32Array(scale.length).fill(values) : values;
      const name = freshWeight(weights, `${node.name}.${part}`);
      weights.set(name, tensor([scale.length], data));
      return name;
    });
    const attributes = { epsilon: 0, momentum: Math.fround(0.9) };
    return { ...node, op: 'BatchNormalization', inputs: [x, ...inputs], attributes };
  });
  return withNodes(model, nodes, weights);
}
