import type { Model, Node } from '../graph.ts';
import { isActivation } from '../ops/activations/activation.ts';
import { withNodes } from './rewire.ts';

/**
 * Replaces each activation of another kind (ReLU6, LeakyRelu, Swish, ...) with Relu(x); Relu and
 * MixedActivation stay. The network computes another function afterwards, so it must be trained again.
 */
export function asRelu(model: Model): Model {
  return withNodes(
    model,
    model.graph.nodes.map((node) => (isOther(node) ? reluOf(node) : node)),
  );
}

/** The activations that asRelu replaces, by name. */
export function otherActivations(model: Model): Map<string, Node> {
  return new Map(model.graph.nodes.filter(isOther).map((node) => [node.name, node]));
}

function isOther(node: Node): boolean {
  return isActivation(node) && !['Relu', 'MixedActivation'].includes(node.op);
}

function reluOf({ name, inputs, outputs }: Node): Node {
  return { op: 'Relu', name, inputs: [inputs[0]!], outputs, attributes: {} };
}
