import type { Model } from '../graph.ts';
import { balancePolynomials } from './balance-polynomials.ts';
import { foldBatchNorm } from './merges/fold-batch-norm.ts';
import { mergeBias } from './merges/merge-bias.ts';
import { scaleAsBatchNorm } from './scale-as-batch-norm.ts';
import { bypass } from './rewire.ts';

/**
 * Returns a model of the same function with fewer nodes, to be run or compiled. Training needs the model
 * before this pass.
 */
export function forInference(model: Model): Model {
  return balancePolynomials(foldConstants(scaleAsBatchNorm(removeIdentity(model))));
}

/**
 * Folds until nothing changes: merging a sum may let the batch norm after it fold, and folding a batch norm
 * may let the sum after it merge.
 */
function foldConstants(model: Model): Model {
  const folded = mergeBias(foldBatchNorm(model));
  return folded.graph.nodes.length === model.graph.nodes.length ? folded : foldConstants(folded);
}

/** Removes Identity(x) and Dropout(x), which is the identity in inference. */
export function removeIdentity(model: Model): Model {
  return bypass(model, (node) => node.op === 'Identity' || node.op === 'Dropout');
}
