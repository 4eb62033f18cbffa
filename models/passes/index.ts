import type { Model } from '../graph.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import { removeIdentity } from './remove-identity.ts';

/** The same function with fewer nodes: what is evaluated and compiled. Training wants the network before it. */
export function forInference(model: Model): Model {
  return foldBatchNorm(removeIdentity(model));
}
