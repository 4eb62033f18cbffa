import { packedBytes, packFields, unpackFields } from '../../crypto/bits.ts';
import { argmax, sizeOf } from '../../models/tensor.ts';
import { ProtocolError } from '../../src/shared/errors.ts';
import { classCount, keptBits, openedBits } from '../plan/answer.ts';
import { wireOf } from '../plan/plan.ts';
import type { Plan } from '../plan/plan.ts';

/**
 * The answer: the server sends the bits of its share of the output that the answer has, and the client adds
 * its own share. Nothing above them leaves. The higher bits would say more than the answer: a client that
 * deviates chooses what stands there. Nothing below them leaves either: there is the noise of the roundings.
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
  return packFields(sentOf(plan, share), openedBits(plan));
}

/** What S sends of its share, in the low bits of each word; the bits above them are not sent. */
export function sentOf(plan: Plan, share: Uint32Array): Uint32Array {
  const kept = keptBits(plan);
  return share.map((word) => word >>> kept);
}

/**
 * C's answer, from its share of the output. Throws ProtocolError if the message has another length or bits
 * after the last field, or the label is of no class.
 */
export function clientAnswer(plan: Plan, share: Uint32Array, message: Uint8Array): Answer {
  const sent = unpackFields(message, outputSize(plan), openedBits(plan), 'answer');
  const opened = openedOutput(plan, share, sent);
  const label = labelOf(plan, opened);
  if (label < 0) {
    throw new ProtocolError(`answer: expected one of ${classCount(plan)} classes, got none of them`);
  }
  return { label, logits: plan.output.answer === 'logits' ? opened : undefined };
}

/**
 * What is opened, from C's share and what S sends of its own: the logits, or the label alone, which is
 * negative if it is of no class. Bits that S keeps count as half of what they may be, so that the mean
 * of the error is half a unit of the ring.
 */
export function openedOutput(plan: Plan, share: Uint32Array, sent: Uint32Array): Float32Array {
  const [kept, bits] = [keptBits(plan), keptBits(plan) + openedBits(plan)];
  const half = (2 ** kept) >>> 1;
  const output = sent.map((word, i) => (word << kept) + half + share[i]!);
  if (plan.output.answer === 'label') {
    return Float32Array.of(classCount(plan) - 1 - (output[0]! & (2 ** bits - 1)));
  }
  const { scale } = wireOf(plan, plan.output.wire);
  const opened = new Float32Array(output.length);
  output.forEach((word, i) => (opened[i] = ((word << (32 - bits)) >> (32 - bits)) / scale));
  return opened;
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
