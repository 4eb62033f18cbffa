import { ModelError } from '../../src/shared/errors.ts';
import type { Model } from '../graph.ts';
import { bypass } from './rewire.ts';

/**
 * Replaces Relu(x) and MixedActivation(x) of the given names with x. Throws ModelError for a name that is no activation.
 * [papers.md] A.1: culling.
 */
export function dropRelus(model: Model, nodeNames: readonly string[]): Model {
  const dropped = new Set(nodeNames);
  const activations = model.graph.nodes.filter((n) => n.op === 'Relu' || n.op === 'MixedActivation');
  const missing = nodeNames.filter((name) => !activations.some((n) => n.name === name));
  if (missing.length > 0) throw new ModelError(`no activation is called ${missing.join(', ')}`);
  return bypass(model, (node) => dropped.has(node.name));
}
