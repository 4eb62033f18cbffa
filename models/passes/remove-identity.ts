import type { Model } from '../graph.ts';
import { bypass } from './rewire.ts';

/** Removes Identity(x) and Dropout(x), which is the identity in inference. */
export function removeIdentity(model: Model): Model {
  return bypass(model, (node) => node.op === 'Identity' || node.op === 'Dropout');
}
