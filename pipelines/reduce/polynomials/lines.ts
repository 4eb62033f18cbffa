import type { Model } from '../../../models/graph.ts';
import type { Bounds } from '../../../models/train/step.ts';

/**
 * Bounds that keep lines among quadratics lines: coefficients of x^2 that are 0, of the weights of these
 * names, stay 0. The other coefficients of such a weight are free, and a weight without zeros has no bounds.
 */
export function linesHeld(model: Model, squares: Iterable<string>): Map<string, Bounds> {
  return new Map(
    [...squares].flatMap((name) => {
      const { data } = model.weights.get(name)!;
      if (!data.includes(0)) return [];
      const most = Float32Array.from(data, (value) => (value === 0 ? 0 : Infinity));
      return [[name, [most.map((value) => -value), most]] as const];
    }),
  );
}
