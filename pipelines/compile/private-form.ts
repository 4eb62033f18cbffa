import { linearMicroseconds } from '../../crypto/he/layout.ts';
import type { Model } from '../../models/graph.ts';
import { forInference } from '../../models/passes/index.ts';
import { mergeLinear } from '../../models/passes/merge-linear.ts';
import type { ConvolutionSizes } from '../../models/passes/merge-linear.ts';
import { PlanError } from '../../src/shared/errors.ts';

/**
 * The same function as it is compiled: `forInference`, and linear layers with nothing between them, as dropped ReLUs leave them, merged to one
 * where that is exact and costs less under homomorphic encryption, products and bytes together.
 */
export function privateForm(model: Model): Model {
  return mergeLinear(forInference(model), isCheaper);
}

/** Bits a weight that every layer can have; what is cheaper does not hang on them. */
const weightBits = 6;

function isCheaper(first: ConvolutionSizes, second: ConvolutionSizes, merged: ConvolutionSizes): boolean {
  return cost(merged) < cost(first) + cost(second);
}

/** Infinite where the layer cannot be packed. */
function cost(sizes: ConvolutionSizes): number {
  try {
    return linearMicroseconds({ ...sizes, weightBits });
  } catch (error) {
    if (error instanceof PlanError) return Infinity;
    throw error;
  }
}
