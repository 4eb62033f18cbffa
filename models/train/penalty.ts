import { UsageError } from '../../src/shared/errors.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';

/** A term of the loss that depends on the weights and not on the images. */
export type Penalty = {
  readonly name: string;
  /** Appends the term to the graph. */
  readonly build: (graph: GraphBuilder, inputs: PenaltyInputs) => PenaltyResult;
};

export type PenaltyInputs = {
  /** The value of a weight or running statistic before the step. */
  readonly valueOf: (weight: string) => string;
  /** One of the step's `scalars`, by name. */
  readonly scalarOf: (name: string) => string;
};

export type PenaltyResult = {
  /** The penalty: a scalar. */
  readonly value: string;
  /**
   * The penalty's gradient by weight, in the weight's shape. Gradients of weights that are not trained are
   * ignored.
   */
  readonly gradients: ReadonlyMap<string, string>;
};

export type BuiltPenalty = PenaltyResult & { readonly name: string };

/**
 * Appends the penalties of a step and the inputs that they need. Throws UsageError for a penalty that asks
 * for a scalar which the step does not have.
 */
export function penaltiesOf(
  graph: GraphBuilder,
  { scalars = [], penalties = [] }: { scalars?: readonly string[]; penalties?: readonly Penalty[] },
  trained: ReadonlySet<string>,
): BuiltPenalty[] {
  for (const name of scalars) graph.input(`scalar.${name}`, 'float32', []);
  return penalties.map(({ name, build }) => {
    const scalarOf = (scalar: string): string => {
      if (!scalars.includes(scalar))
        throw new UsageError(
          `penalty ${name}: it needs the scalar '${scalar}', which the step does not have`,
        );
      return `scalar.${scalar}`;
    };
    const { value, gradients } = build(graph, { valueOf: (weight) => weight, scalarOf });
    return { name, value, gradients: new Map([...gradients].filter(([weight]) => trained.has(weight))) };
  });
}

/** Adds the penalties' gradients to the loss's gradients by weight. */
export function addGradients(
  graph: GraphBuilder,
  ofLoss: ReadonlyMap<string, string>,
  penalties: readonly BuiltPenalty[],
): ReadonlyMap<string, string> {
  const own = (weight: string) => penalties.flatMap(({ gradients }) => gradients.get(weight) ?? []);
  return new Map([...ofLoss].map(([weight, gradient]) => [weight, graph.total([gradient, ...own(weight)])]));
}
