import { sizeOf } from '../../models/tensor.ts';
import { wireOf } from './plan.ts';
import type { Plan, Step, WireId } from './plan.ts';

/** The most classes of which a label can be told. */
export const maxClasses = 2 ** 15;

/** The wire of the logits, opened or not. */
export function logitsWire({ output }: Plan): WireId {
  return output.answer === 'label' ? output.logits : output.wire;
}

/** The number of classes, one for each logit. */
export function classCount(plan: Plan): number {
  return sizeOf(wireOf(plan, logitsWire(plan)).shape);
}

/** The steps that compute the logits; those after them compute the label. */
export function networkSteps(plan: Plan): readonly Step[] {
  const last = plan.steps.findIndex((step) => step.output === logitsWire(plan));
  return plan.steps.slice(0, last + 1);
}

/** The bits of the largest of `count` indices. */
export function indexBits(count: number): number {
  return 32 - Math.clz32(count - 1);
}

/**
 * The most bits of a logit that the server opens. One unit of them is 2^-15 of the plan's range. Measured on
 * fashion-resnet8, whose logits have 30 bits: the rounding to 16 bits has a standard deviation of 2^12.2
 * units of the ring, and the logits' error has one of 2^15.6 without it.
 */
const mostLogitBits = 16;

/**
 * The bits of each element of the output that the server opens. A logit below 2^B in absolute value is its
 * residue mod 2^(B + 1), of which the highest `mostLogitBits` are opened.
 */
export function openedBits(plan: Plan): number {
  return plan.output.answer === 'label'
    ? indexBits(classCount(plan))
    : Math.min(mostLogitBits, wireOf(plan, plan.output.wire).bits + 1);
}

/** The bits of each element of the output that stay at the server below those that it opens. */
export function keptBits(plan: Plan): number {
  return plan.output.answer === 'label' ? 0 : wireOf(plan, plan.output.wire).bits + 1 - openedBits(plan);
}

/** All bits that the server opens in one answer: no client can learn more of the weights from it. */
export function answerBits(plan: Plan): number {
  return openedBits(plan) * sizeOf(wireOf(plan, plan.output.wire).shape);
}
