import { linearCost } from '../../crypto/he/linear.ts';
import { countElements } from '../../crypto/steps/activation/layer.ts';
import { longestFromServer } from '../../crypto/steps/activation/messages.ts';
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
  return frameHeaderBytes + longestFromServer(step.spec);
}

function complaint(step: Step, bytes: number, limit: number): string {
  const relus = step.kind === 'activation' ? countElements(step.spec.kinds).relu : 0;
  const message = `a message of ${format.count(bytes)} bytes, and clients take ${format.count(limit)} at most`;
  if (relus === 0) return `it needs ${message}; use smaller images or fewer channels`;
  const most = Math.floor((limit / bytes) * relus);
  return (
    `its ${format.count(relus)} ReLUs need ${message}, some ${format.count(most)} ReLUs in a layer; ` +
    `remove ReLUs of this layer (reluctant reduce), or use smaller images or fewer channels`
  );
}
