import type { Graph, Model } from '../../models/graph.ts';
import { inferShapes } from '../../models/analysis/shapes.ts';
import { PlanError } from '../../src/shared/errors.ts';
import { publicPart } from './compile.ts';
import { lowerNode } from './lower/index.ts';
import { defaultCompileOptions } from './options.ts';
import { usualPrecision } from './precise-scales.ts';
import { PlanBuilder } from './plan-builder.ts';
import type { Ranges } from './ranges.ts';
import { scaleLimits } from './scale-limits.ts';

export type PrivateProblem = { readonly name: string; readonly op: string; readonly reason: string };

/**
 * The nodes of a model, in the form that is compiled, that cannot run privately whatever the data. It needs
 * no calibration: all values are taken to be at most 1, so a lack of bits does not show.
 */
export function problemsOf(served: Model): readonly PrivateProblem[] {
  const [ranges, publicly] = [unitRanges(served), publicPart(served)];
  const { guardBits } = defaultCompileOptions;
  const limits = scaleLimits(served.graph, ranges, guardBits, publicly.coefficients);
  const builder = new PlanBuilder(ranges, limits, publicly, defaultCompileOptions);
  builder.addWire(served.graph.inputs[0]!.name, scale);
  return served.graph.nodes.flatMap((node) => {
    const reason = problemOf(node, builder);
    if (reason === undefined) return [];
    builder.addWire(node.outputs[0]!, scale);
    return [{ name: node.name, op: node.op, reason }];
  });
}

const scale = 2 ** usualPrecision;

function problemOf(node: Graph['nodes'][number], builder: PlanBuilder): string | undefined {
  try {
    lowerNode(node, builder);
    return undefined;
  } catch (error) {
    if (error instanceof PlanError) return error.message.replace(/^node .*? cannot run privately: /, '');
    throw error;
  }
}

function unitRanges(model: Model): Ranges {
  return new Map(
    [...inferShapes(model)].map(([name, shape]) => {
      const ones = new Float64Array(shape[0] ?? 1).fill(1);
      return [name, { shape, largest: 1, channels: ones, meanSquares: ones, positive: ones }];
    }),
  );
}
