import type { Model } from '../graph.ts';
import { balancePolynomials } from './balance-polynomials.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import { mergeBias } from './merge-bias.ts';
import { scaleAsBatchNorm } from './scale-as-batch-norm.ts';
import { bypass } from './rewire.ts';

/** The same function with fewer nodes: what is evaluated and compiled. Training wants the network before it. */
export function forInference(model: Model): Model {
  return balancePolynomials(foldConstants(scaleAsBatchNorm(removeIdentity(model))));
}

/** Until nothing is left to fold: a sum that is merged lets the batch norm behind it fold, and the other way round. */
function foldConstants(model: Model): Model {
  const folded = mergeBias(foldBatchNorm(model));
  return folded.graph.nodes.length === model.graph.nodes.length ? folded : foldConstants(folded);
}

/** Removes Identity(x) and Dropout(x), which is the identity in inference. */
export function removeIdentity(model: Model): Model {
  return bypass(model, (node) => node.op === 'Identity' || node.op === 'Dropout');
}
