import { linearSeconds } from '../../crypto/he/layout.ts';
import type { Model } from '../../models/graph.ts';
import { activationsBehindMaxPools } from '../../models/passes/activations-behind-max-pools.ts';
import { forInference } from '../../models/passes/index.ts';
import { mergeLinear } from '../../models/passes/merges/merge-linear.ts';
import type { ConvolutionSizes } from '../../models/passes/merges/merge-linear.ts';
import { PlanError } from '../../src/shared/errors.ts';

/**
 * The form of a model that is compiled: `forInference`, activations behind maximum pools, and consecutive
 * linear layers (dropped ReLUs leave them) merged into one if that is exact and the products and bytes of
 * homomorphic encryption then cost less.
 */
export function privateForm(model: Model): Model {
  return mergeLinear(activationsBehindMaxPools(forInference(model)), isCheaper);
}

/** A number of weight bits that every layer can have; which form is cheaper does not depend on it. */
const weightBits = 6;

function isCheaper(first: ConvolutionSizes, second: ConvolutionSizes, merged: ConvolutionSizes): boolean {
  return cost(merged) < cost(first) + cost(second);
}

/** The cost of a layer in seconds; infinite if the layer cannot be packed. */
function cost(sizes: ConvolutionSizes): number {
  try {
    return linearSeconds({ ...sizes, weightBits });
  } catch (error) {
    if (error instanceof PlanError) return Infinity;
    throw error;
  }
}
