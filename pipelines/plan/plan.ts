import type { ActivationSpec, LinearSpec } from '../../crypto/spec.ts';
import type { Ending } from '../../models/ending.ts';
import type { Preprocessing } from '../../models/preprocessing.ts';
import type { Shape } from '../../models/tensor.ts';

/**
 * The program that both parties run, in public integers: the graph's shape, the scale of every wire, the kind
 * of every activation and the coefficients of the polynomials, and what the client does with pixels and
 * logits. It has no weights. A session opens with the hash of its canonical bytes.
 */
export type Plan = {
  readonly version: typeof planVersion;
  readonly name: string;
  readonly input: Endpoint;
  readonly output: Output;
  /** The wires; a wire's id is its index. */
  readonly wires: readonly Wire[];
  /** The steps in topological order: a step reads wires that the input or an earlier step has written. */
  readonly steps: readonly Step[];
  /** What the client does with pixels in [0, 1] (default: nothing, they are the input). */
  readonly preprocessing?: Preprocessing;
  /** What the client does with the logits (default: nothing). It takes the label from them in any case. */
  readonly ending?: Ending;
  /** The names of the classes in the order of the logits (default: the server does not tell them). */
  readonly classes?: readonly string[];
};

/** Raised by every change of the plan's format. */
export const planVersion = 3;

export type WireId = number;

export type Endpoint = { readonly wire: WireId };

/** What a client may learn of an image: all logits, or only which of them is the largest. */
export const answerKinds = ['logits', 'label'] as const;
export type AnswerKind = (typeof answerKinds)[number];

/**
 * The wire that is opened to the client. For a label, the steps after the wire of the logits compare these,
 * and the wire's only element is `classes - 1 - label`.
 */
export type Output = Endpoint &
  ({ readonly answer: 'logits' } | { readonly answer: 'label'; readonly logits: WireId });

/**
 * A tensor of shared ring elements. A real value v is the integer round(scale v). The scale need not be a
 * power of two: an average over 49 elements is a sum whose scale is exactly 49 times larger. On the
 * calibration images, |integer| < 2^bits, with the guard bits.
 */
export type Wire = { readonly shape: Shape; readonly scale: number; readonly bits: number };

type StepBase = {
  /** The step's number in the protocol: 1, 2, 3, ... */
  readonly id: number;
  /** The node of the model that the step comes from. */
  readonly node: string;
  readonly inputs: readonly WireId[];
  readonly output: WireId;
};

/** A convolution or fully connected layer with secret weights and bias. */
export type LinearStep = StepBase & { readonly kind: 'linear'; readonly spec: LinearSpec };

/** Adds a secret constant to every element. */
export type BiasStep = StepBase & { readonly kind: 'bias' };

/** The sum of the inputs, after shifting input i left by `shifts[i]` bits. */
export type AddStep = StepBase & { readonly kind: 'add'; readonly shifts: readonly number[] };

/**
 * Joins the inputs, shifted as in `add`, in `blocks` blocks: for each block, that block of each input in
 * turn.
 */
export type ConcatStep = StepBase & {
  readonly kind: 'concat';
  readonly shifts: readonly number[];
  readonly blocks: number;
};

/**
 * Sums over windows with zero padding of an input [channels, height, width]. An average's division is in the
 * scale.
 */
export type SumPoolStep = StepBase & { readonly kind: 'sumPool'; readonly spec: PoolSpec };

export type PoolSpec = {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
};

/** The same elements in the same order with another shape. */
export type ReshapeStep = StepBase & { readonly kind: 'reshape' };

/** An activation layer: one round trip. The output wire has a fresh mask. */
export type ActivationStep = StepBase & { readonly kind: 'activation'; readonly spec: ActivationSpec };

/** The elements of the input whose coordinate along `axis` is one of `indices`, in that order. */
export type PickStep = StepBase & {
  readonly kind: 'pick';
  readonly axis: number;
  readonly indices: readonly number[];
};

/**
 * pick(first input, axis, first) + sign pick(second input, axis, second). Both inputs have the same scale and
 * may be the same wire.
 */
export type CombineStep = StepBase & {
  readonly kind: 'combine';
  readonly axis: number;
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly sign: 1 | -1;
};

/** Adds public constants at the wire's scale: one to every element, or one for each. */
export type OffsetStep = StepBase & { readonly kind: 'offset'; readonly value: number | Int32Array };

export type Step =
  | LinearStep
  | BiasStep
  | AddStep
  | ConcatStep
  | SumPoolStep
  | ReshapeStep
  | PickStep
  | CombineStep
  | OffsetStep
  | ActivationStep;
export type StepKind = Step['kind'];
export type StepOf<K extends StepKind> = Extract<Step, { kind: K }>;

/**
 * The wire with this id. Throws RangeError if there is none, which cannot happen in a parsed or compiled
 * plan.
 */
export function wireOf(plan: Plan, id: WireId): Wire {
  const wire = plan.wires[id];
  if (wire === undefined) throw new RangeError(`plan: wire ${id} of ${plan.wires.length} does not exist`);
  return wire;
}

/** The input of a step that has only one. */
export function inputOf(step: Step): WireId {
  return step.inputs[0]!;
}

/** The activation layers; each is one round trip online. */
export function activationSteps(plan: Plan): ActivationStep[] {
  return plan.steps.filter((step) => step.kind === 'activation');
}
