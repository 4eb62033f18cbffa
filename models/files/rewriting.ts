import type { Node } from '../graph.ts';
import type { AttributeReader } from '../ops/attributes.ts';
import type { ParsedInput } from '../ops/definition.ts';
import type { Tensor } from '../tensor.ts';
import { refuse } from '../refusal.ts';

/**
 * Rewrites a node of an op that we do not have into nodes of ours that compute the same, or refuses with the
 * reason.
 */
export type Rewrite = (
  attributes: AttributeReader,
  inputs: readonly ParsedInput[],
  context: RewriteContext,
) => readonly Node[];

/** Which of two values is the larger one where a comparison is 1; where they are equal it is 0 or 1. */
export type Comparison = { readonly larger: ParsedInput; readonly smaller: ParsedInput };

export type RewriteContext = {
  readonly node: string;
  readonly output: string;
  /** All outputs of the node; '' for one that nobody reads. */
  readonly outputs: readonly string[];
  /** The node that computes a value; undefined for the network's input. */
  readonly producer: (value: string) => Node | undefined;
  /** The integers that a value stands for: see quantisation.ts. */
  readonly quantised: Map<string, string>;
  /** A weight of the network by its name. */
  readonly weightAt: (name: string) => Tensor | undefined;
  /** The comparisons that a Where or Mul may read, by the name of their output. */
  readonly comparisons: Map<string, Comparison>;
  /** Adds a constant as a weight that broadcasts to the node's values, and returns its name. */
  readonly weight: (input: ParsedInput) => string;
  /** Adds a constant as a weight of a convolution, in its own shape, and returns its name. */
  readonly kernel: (input: ParsedInput) => string;
};

/** The name of an input that is a computed value. Refuses a constant. */
export function valueName(input: ParsedInput | undefined): string {
  if (input === undefined || input.constant !== undefined) refuse('its input is not a computed value');
  return input.name;
}
