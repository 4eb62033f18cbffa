import { packedBytes, packFields, unpackFields } from '../../crypto/bits.ts';
import { sizeOf } from '../../models/tensor.ts';
import { wireOf } from '../plan/plan.ts';
import type { Plan } from '../plan/plan.ts';

/**
 * The answer: the server sends the low bits of its share of the output, and the client adds its own. A value
 * below 2^B in absolute value is its residue mod 2^(B + 1), so nothing above bit B of the share leaves. The
 * higher bits would say more than the value: the client knows its own share of them, and a share of a linear
 * layer depends on what the client sent for it.
 */

/** The bits of each element of the output that the server opens. */
export function openedBits(plan: Plan): number {
  return wireOf(plan, plan.output.wire).bits + 1;
}

/** The bytes of the server's message, without the header. */
export function answerBytes(plan: Plan): number {
  return packedBytes(elementsOf(plan), openedBits(plan));
}

/** S's message, from its share of the output. */
export function serverAnswer(plan: Plan, share: Uint32Array): Uint8Array<ArrayBuffer> {
  return packFields(share, openedBits(plan));
}

/**
 * C's output mod 2^`openedBits`, from its share. Throws ProtocolError if the message has another length or
 * bits after the last field.
 */
export function clientAnswer(plan: Plan, share: Uint32Array, message: Uint8Array): Uint32Array<ArrayBuffer> {
  const low = unpackFields(message, elementsOf(plan), openedBits(plan), 'answer');
  return low.map((word, i) => word + share[i]!);
}

/** The logits, from the output as ring elements of which the bits above the opened ones do not count. */
export function decodeOutput(plan: Plan, output: Uint32Array): Float32Array {
  const { scale } = wireOf(plan, plan.output.wire);
  const above = 32 - openedBits(plan);
  return Float32Array.from(output, (word) => ((word << above) >> above) / scale);
}

function elementsOf(plan: Plan): number {
  return sizeOf(wireOf(plan, plan.output.wire).shape);
}
