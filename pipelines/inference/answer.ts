import { packedBytes, packFields, unpackFields } from '../../crypto/bits.ts';
import { argmax, sizeOf } from '../../models/tensor.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { classCount, openedBits } from '../plan/answer.ts';
import { wireOf } from '../plan/plan.ts';
import type { Plan } from '../plan/plan.ts';

/**
 * The answer: the server sends the low bits of its share of the output, as many as the answer has, and the
 * client adds its own share. Nothing above them leaves. The higher bits would say more than the answer: a
 * client that deviates chooses what stands there.
 */

/** What the client learns of an image. */
export type Answer = {
  /** The index of the largest logit. */
  readonly label: number;
  /** Undefined if the plan's answer is the label alone. */
  readonly logits: Float32Array | undefined;
};

/** The bytes of the server's message, without the header. */
export function answerBytes(plan: Plan): number {
  return packedBytes(outputSize(plan), openedBits(plan));
}

/** S's message, from its share of the output. */
export function serverAnswer(plan: Plan, share: Uint32Array): Uint8Array<ArrayBuffer> {
  return packFields(share, openedBits(plan));
}

/**
 * C's answer, from its share of the output. Throws ProtocolError if the message has another length or bits
 * after the last field, or the label is of no class.
 */
export function clientAnswer(plan: Plan, share: Uint32Array, message: Uint8Array): Answer {
  const low = unpackFields(message, outputSize(plan), openedBits(plan), 'answer');
  const opened = openedOutput(
    plan,
    low.map((word, i) => word + share[i]!),
  );
  const label = labelOf(plan, opened);
  if (label < 0) {
    throw new ProtocolError(`answer: expected one of ${classCount(plan)} classes, got none of them`);
  }
  return { label, logits: plan.output.answer === 'logits' ? opened : undefined };
}

/**
 * What is opened, from the output as ring elements, of which the bits above the opened ones do not count: the
 * logits, or the label alone, which is negative if it is of no class.
 */
export function openedOutput(plan: Plan, output: Uint32Array): Float32Array {
  const bits = openedBits(plan);
  if (plan.output.answer === 'label') {
    return Float32Array.of(classCount(plan) - 1 - (output[0]! & (2 ** bits - 1)));
  }
  const { scale } = wireOf(plan, plan.output.wire);
  return Float32Array.from(output, (word) => ((word << (32 - bits)) >> (32 - bits)) / scale);
}

/** The label that an opened output says. */
function labelOf(plan: Plan, opened: Float32Array): number {
  return plan.output.answer === 'label' ? opened[0]! : argmax(opened);
}

/** The label of each of `n` images, from what was opened of all of them. */
export function labelsOf(plan: Plan, opened: Float32Array, n: number): Int32Array {
  const width = outputSize(plan);
  return Int32Array.from({ length: n }, (_, i) => labelOf(plan, opened.subarray(i * width, (i + 1) * width)));
}

/** The number of values that `openedOutput` returns. */
export function outputSize(plan: Plan): number {
  return sizeOf(wireOf(plan, plan.output.wire).shape);
}
