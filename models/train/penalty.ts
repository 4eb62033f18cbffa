import { UsageError } from '../../src/shared/errors.ts';
import type { GraphBuilder } from '../onnx/graph-builder.ts';

/** A term of what is minimised that depends on the weights and not on the images. */
export type Penalty = {
  readonly name: string;
  /** Appends it. */
  readonly build: (graph: GraphBuilder, inputs: PenaltyInputs) => PenaltyResult;
};

export type PenaltyInputs = {
  /** The value of a weight or running statistic of the network before the step. */
  readonly valueOf: (weight: string) => string;
  /** One of the step's `scalars`. */
  readonly scalarOf: (name: string) => string;
};

export type PenaltyResult = {
  /** A scalar. */
  readonly value: string;
  /** Its gradient by weight, in the weight's shape. Those of weights that are not trained are left out. */
  readonly gradients: ReadonlyMap<string, string>;
};

export type BuiltPenalty = PenaltyResult & { readonly name: string };

/** Appends the penalties of a step and the inputs they need. Throws UsageError for one that asks for a scalar the step is not given. */
export function penaltiesOf(
  graph: GraphBuilder,
  { scalars = [], penalties = [] }: { scalars?: readonly string[]; penalties?: readonly Penalty[] },
  trained: ReadonlySet<string>,
): BuiltPenalty[] {
  for (const name of scalars) graph.input(`scalar.${name}`, 'float32', []);
  return penalties.map(({ name, build }) => {
    const scalarOf = (scalar: string): string => {
      if (!scalars.includes(scalar))
        throw new UsageError(`penalty ${name}: asks for the scalar '${scalar}', which the step is not given`);
      return `scalar.${scalar}`;
    };
    const { value, gradients } = build(graph, { valueOf: (weight) => weight, scalarOf });
    return { name, value, gradients: new Map([...gradients].filter(([weight]) => trained.has(weight))) };
  });
}

/** The loss's gradients by weight with those of the penalties added. */
export function addGradients(
  graph: GraphBuilder,
  ofLoss: ReadonlyMap<string, string>,
  penalties: readonly BuiltPenalty[],
): ReadonlyMap<string, string> {
  const own = (weight: string) => penalties.flatMap(({ gradients }) => gradients.get(weight) ?? []);
  return new Map([...ofLoss].map(([weight, gradient]) => [weight, graph.total([gradient, ...own(weight)])]));
}
