import { linearCost } from '../../crypto/he/linear.ts';
import { extensionBytes } from '../../crypto/ot/extension.ts';
import { garbledBytes, messageBytes } from '../../crypto/steps/activation/messages.ts';
import { elementKinds } from '../../crypto/spec.ts';
import type { ActivationSpec } from '../../crypto/spec.ts';
import { frameHeaderBytes } from '../../crypto/channel/channel.ts';
import { PlanError } from '../../src/shared/errors.ts';
import * as format from '../../src/shared/format.ts';
import type { Plan, Step } from '../plan/plan.ts';

/** Bytes of the largest message that a client takes unless it is told otherwise. A layer's circuits are one message. */
export const maxMessageBytes = 2 ** 30;

/**
 * Refuses a plan with a step whose messages are larger than a client takes: it would fail in mid-protocol. The products of squares come in
 * batches and have no such limit. Throws PlanError naming the node, its size and the limit.
 */
export function checkMessages(plan: Plan, limit: number = maxMessageBytes): void {
  for (const step of plan.steps) {
    const largest = largestMessage(step);
    if (largest > limit) throw new PlanError(`${step.node}: ${complaint(step, largest, limit)}`);
  }
}

/** Bytes of the longest message that the server sends in a step. */
function largestMessage(step: Step): number {
  if (step.kind === 'linear') return frameHeaderBytes + linearCost(step.spec).responseBytes;
  if (step.kind !== 'activation') return 0;
  const { spec } = step;
  const payloads = [garbledBytes(spec), messageBytes(spec), extensionBytes(relusOf(spec))];
  return frameHeaderBytes + Math.max(...payloads);
}

function relusOf({ kinds }: ActivationSpec): number {
  return kinds.reduce((count, kind) => count + (kind === elementKinds.relu ? 1 : 0), 0);
}

function complaint(step: Step, bytes: number, limit: number): string {
  const relus = step.kind === 'activation' ? relusOf(step.spec) : 0;
  const message = `a message of ${format.count(bytes)} bytes, and clients take ${format.count(limit)} at most`;
  if (relus === 0) return `it needs ${message}; use smaller images or fewer channels`;
  const most = Math.floor((limit / bytes) * relus);
  return (
    `its ${format.count(relus)} ReLUs need ${message}, some ${format.count(most)} ReLUs in a layer; ` +
    `remove ReLUs of this layer (reluctant reduce), or use smaller images or fewer channels`
  );
}
