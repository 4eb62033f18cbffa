import { ModelError } from '../../src/shared/errors.ts';
import { inferShapes } from '../analysis/shapes.ts';
import { onlyKind } from '../../src/shared/kinds.ts';
import { activationKinds } from '../graph.ts';
import type { ByActivationKind, Model, Node } from '../graph.ts';
import { sizeOf, tensor } from '../tensor.ts';
import type { Tensor } from '../tensor.ts';
import { isActivation } from '../ops/activations/activation.ts';
import { dropRelus } from './drop-relu.ts';
import { withNodes } from './rewire.ts';

/**
 * What replaces an activation. `kinds` has a number of activationKinds per element of [C, H, W]; `c2`, `c1`
 * and `c0` are per channel, [C].
 */
export type Activation = {
  readonly kinds: Uint8Array;
  readonly c2: Float32Array;
  readonly c1: Float32Array;
  readonly c0: Float32Array;
};

/**
 * Replaces the activation `nodeName`, of any kind, with y = relu(x) | x | c2 x^2 + c1 x + c0 per element. A
 * layer of only ReLUs becomes a Relu, and a layer of only identities is removed. Throws ModelError if the
 * node is not an activation or the sizes do not fit.
 */
export function replaceActivation(model: Model, nodeName: string, activation: Activation): Model {
  const old = model.graph.nodes.find((n) => n.name === nodeName);
  if (old === undefined || !isActivation(old))
    throw new ModelError(`node ${nodeName}: expected an activation, got ${old?.op ?? 'no node'}`);
  checkSizes(model, old, activation);
  const only = onlyKind(activationKinds, activation.kinds);
  const form = only === undefined ? 'MixedActivation' : formOfWhole[only];
  if (form === 'nothing') return dropRelus(model, [nodeName]);
  const node = form === 'Relu' ? reluOf(old) : mixedOf(old, activation.kinds);
  const weights = new Map(model.weights);
  if (form === 'MixedActivation')
    for (const key of coefficients) weights.set(`${nodeName}.${key}`, vector(activation[key]));
  return withNodes(
    model,
    model.graph.nodes.map((n) => (n === old ? node : n)),
    weights,
  );
}

/** The node that a layer of a single kind becomes. */
const formOfWhole: ByActivationKind<'nothing' | 'Relu' | 'MixedActivation'> = {
  identity: 'nothing',
  relu: 'Relu',
  poly: 'MixedActivation',
};

const coefficients = ['c2', 'c1', 'c0'] as const;

function reluOf({ name, inputs, outputs }: Node): Node {
  return { op: 'Relu', name, inputs: [inputs[0]!], outputs, attributes: {} };
}

function mixedOf({ name, inputs, outputs }: Node, kinds: Uint8Array): Node {
  const weights = coefficients.map((key) => `${name}.${key}`);
  return { op: 'MixedActivation', name, inputs: [inputs[0]!, ...weights], outputs, attributes: { kinds } };
}

function vector(values: Float32Array): Tensor {
  return tensor([values.length], values);
}

function checkSizes(model: Model, node: Node, activation: Activation): void {
  const shape = inferShapes(model).get(node.outputs[0]!)!;
  const wanted = { kinds: sizeOf(shape), c2: shape[0]!, c1: shape[0]!, c0: shape[0]! };
  for (const [key, size] of Object.entries(wanted) as [keyof Activation, number][]) {
    if (activation[key].length !== size)
      throw new ModelError(
        `node ${node.name}: expected ${size} values of ${key}, got ${activation[key].length}`,
      );
  }
}
