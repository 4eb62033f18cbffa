import type { ActivationSpec, LinearSpec } from '../../crypto/spec.ts';
import type { Shape } from '../../models/tensor.ts';

/**
 * What both parties run, in public integers: the graph's shape, the scale of every wire, the kind of every activation and
 * the coefficients of the polynomials. No weights. The hash of its canonical bytes opens a session.
 */
export type Plan = {
  readonly version: typeof planVersion;
  readonly name: string;
  readonly input: Endpoint;
  readonly output: Endpoint;
  /** A wire's id is its index. */
  readonly wires: readonly Wire[];
  /** In topological order: a step reads wires that the input or an earlier step has written. */
  readonly steps: readonly Step[];
};

/** Bumped by every change of the plan's format. */
export const planVersion = 2;

export type WireId = number;

export type Endpoint = { readonly wire: WireId };

/**
 * A tensor of shared ring elements. A real value v is the integer round(scale v); `scale` need not be a power of two (an
 * average over 49 elements is a sum whose scale is 49 times larger, exactly). |integer| < 2^bits on the calibration images, guard bits included.
 */
export type Wire = { readonly shape: Shape; readonly scale: number; readonly bits: number };

type StepBase = {
  /** The step's number on the wire of the protocol: 1, 2, 3 ... */
  readonly id: number;
  /** The node of the model it comes from. */
  readonly node: string;
  readonly inputs: readonly WireId[];
  readonly output: WireId;
};

/** Convolution or fully connected layer with secret weights and bias. */
export type LinearStep = StepBase & { readonly kind: 'linear'; readonly spec: LinearSpec };

/** Adds a secret constant to every element. */
export type BiasStep = StepBase & { readonly kind: 'bias' };

/** The sum of its inputs, input i shifted left by `shifts[i]` bits first. */
export type AddStep = StepBase & { readonly kind: 'add'; readonly shifts: readonly number[] };

/** Inputs, shifted as in `add`, joined in `blocks` blocks: output = for each block, that block of each input in turn. */
export type ConcatStep = StepBase & {
  readonly kind: 'concat';
  readonly shifts: readonly number[];
  readonly blocks: number;
};

/** Sums over windows with zero padding: an average whose division is in the scale. Input is [channels, height, width]. */
export type SumPoolStep = StepBase & { readonly kind: 'sumPool'; readonly spec: PoolSpec };

export type PoolSpec = {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  /** top, left, bottom, right */
  readonly pads: readonly [number, number, number, number];
};

/** The same elements in the same order under another shape. */
export type ReshapeStep = StepBase & { readonly kind: 'reshape' };

/** One round trip. The output wire has a fresh mask. */
export type ActivationStep = StepBase & { readonly kind: 'activation'; readonly spec: ActivationSpec };

/** The elements of its input whose coordinate along `axis` is one of `indices`, in that order. */
export type PickStep = StepBase & {
  readonly kind: 'pick';
  readonly axis: number;
  readonly indices: readonly number[];
};

/** pick(first input, axis, first) + sign pick(second input, axis, second); both inputs have one scale, and may be one wire. */
export type CombineStep = StepBase & {
  readonly kind: 'combine';
  readonly axis: number;
  readonly first: readonly number[];
  readonly second: readonly number[];
  readonly sign: 1 | -1;
};

/** Adds a public constant, at the wire's scale, to every element. */
export type OffsetStep = StepBase & { readonly kind: 'offset'; readonly value: number };

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

/** The wire with this id; a plan that was parsed or compiled has it. */
export function wireOf(plan: Plan, id: WireId): Wire {
  const wire = plan.wires[id];
  if (wire === undefined) throw new RangeError(`plan: wire ${id} of ${plan.wires.length} does not exist`);
  return wire;
}

/** The only input of a step that has one. */
export function inputOf(step: Step): WireId {
  return step.inputs[0]!;
}

/** Activation layers: each is one round trip online. */
export function activationSteps(plan: Plan): ActivationStep[] {
  return plan.steps.filter((step) => step.kind === 'activation');
}
