import { countElements } from '../../crypto/steps/activation/layer.ts';
import { bytesOnWire } from '../../crypto/channel/channel.ts';
import { PlanError } from '../../src/shared/errors.ts';
import * as format from '../../src/shared/format.ts';
import type { Plan, Step } from '../plan/plan.ts';
import { messagesOf } from './messages.ts';

/** Bytes of the largest message that a client takes unless it is told otherwise. A layer's circuits are one message. */
export const maxMessageBytes = 2 ** 30;

/**
 * Refuses a plan with a step whose messages are larger than a client takes: it would fail in mid-protocol. The products of squares come in
 * batches and have no such limit. Throws PlanError naming the node, its size and the limit.
 */
export function checkMessages(plan: Plan, limit: number = maxMessageBytes): void {
  const { steps } = messagesOf(plan);
  for (const [i, step] of plan.steps.entries()) {
    const { linear, circuits, online } = steps[i]!;
    const payloads = [linear, circuits, online].flatMap(({ down }) => down);
    const largest = Math.max(0, ...payloads.map((payload) => bytesOnWire([payload])));
    if (largest > limit) throw new PlanError(`${step.node}: ${complaint(step, largest, limit)}`);
  }
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
