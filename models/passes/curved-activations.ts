import type { Model, Node, OpType } from '../graph.ts';
import { withNodes } from './rewire.ts';

type Ends = Pick<Node, 'name' | 'inputs' | 'outputs'>;

const relu = (ends: Ends): Node => ({ ...ends, op: 'Relu', attributes: {} });
const clip = (ends: Ends): Node => ({ ...ends, op: 'Clip', attributes: { min: -1, max: 1 } });

/**
 * The activations that are neither straight pieces nor polynomials, and what is nearest to each of them among
 * straight pieces. A HardSwish is among them: its ReLU costs half of its sign tests.
 */
const nearest: { readonly [K in OpType]?: (ends: Ends) => Node } = {
  Sigmoid: (ends) => ({ ...ends, op: 'HardSigmoid', attributes: { alpha: 0.2, beta: 0.5 } }),
  Tanh: clip,
  Erf: clip,
  Swish: relu,
  HardSwish: relu,
  Gelu: relu,
  Elu: relu,
  Celu: relu,
};

export function isCurved(op: OpType): boolean {
  return nearest[op] !== undefined;
}

/** The names of a model's curved activations, in graph order. */
export function curvedActivations(model: Model): string[] {
  return model.graph.nodes.filter(({ op }) => nearest[op] !== undefined).map(({ name }) => name);
}

/**
 * Replaces Swish(x), HardSwish(x), Gelu(x), Elu(x) and Celu(x) with Relu(x), Sigmoid(x) with HardSigmoid(x),
 * and Tanh(x) and Erf(x) with Clip(x, -1, 1). The network computes another function afterwards, so it must be
 * trained again.
 */
export function asPieces(model: Model): Model {
  return withNodes(
    model,
    model.graph.nodes.map((node) => {
      const { name, inputs, outputs } = node;
      return nearest[node.op]?.({ name, inputs: [inputs[0]!], outputs }) ?? node;
    }),
  );
}
