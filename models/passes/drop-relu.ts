import { ModelError } from '../../src/shared/errors.ts';
import type { Model } from '../graph.ts';
import { isActivation } from '../ops/activations/activation.ts';
import { bypass } from './rewire.ts';

/**
 * Replaces the named activations (Relu(x), Clip(x), Sigmoid(x), ...) with x: the culling of DeepReDuce (Jha
 * et al., ICML 2021). Throws ModelError for a name that is not an activation's.
 */
export function dropRelus(model: Model, nodeNames: readonly string[]): Model {
  const dropped = new Set(nodeNames);
  const activations = model.graph.nodes.filter(isActivation);
  const missing = nodeNames.filter((name) => !activations.some((n) => n.name === name));
  if (missing.length > 0) throw new ModelError(`no activation is called ${missing.join(', ')}`);
  return bypass(model, (node) => dropped.has(node.name));
}
