import { linearCost } from '../../crypto/he/linear.ts';
import { countElements } from '../../crypto/steps/activation/layer.ts';
import { messageBytes } from '../../crypto/steps/activation/messages.ts';
import { defaultDepth } from '../../crypto/ot/blocks.ts';
import { frameHeaderBytes } from '../../crypto/channel/channel.ts';
import { PlanError } from '../../src/shared/errors.ts';
import * as format from '../../src/shared/format.ts';
import { layerTransfers, transferCounts } from '../inference/layer-transfers.ts';
import type { Plan, Step } from '../plan/plan.ts';
import { transferFrames } from './drawing.ts';

/**
 * The largest message that a client accepts by default, in bytes. The sign tests of one layer are one
 * message.
 */
export const maxMessageBytes = 2 ** 30;

/**
 * Refuses a plan with a step whose messages are larger than a client accepts, because it would fail in the
 * middle of the protocol. Squares are sent in batches and have no such limit. Throws PlanError with the node,
 * the size of its message and the limit.
 */
export function checkMessages(plan: Plan, limit: number = maxMessageBytes): void {
  for (const step of plan.steps) {
    const largest = largestMessage(step);
    if (largest > limit) throw new PlanError(`${step.node}: ${complaint(step, largest, limit)}`);
  }
  const block =
    frameHeaderBytes +
    Math.max(0, ...transferFrames(transferCounts(layerTransfers(plan)).down, defaultDepth));
  if (block > limit) {
    const [needed, accepted] = [format.count(block), format.count(limit)];
    throw new PlanError(`sign tests: transfers come in ${needed} bytes, but clients accept ${accepted}`);
  }
}

/** The bytes of the longest message that the server sends in a step. */
function largestMessage(step: Step): number {
  if (step.kind === 'linear') return frameHeaderBytes + linearCost(step.spec).responseBytes;
  if (step.kind !== 'activation') return 0;
  return frameHeaderBytes + messageBytes(step.spec);
}

function complaint(step: Step, bytes: number, limit: number): string {
  const relus = step.kind === 'activation' ? countElements(step.spec.kinds).relu : 0;
  const [needed, accepted] = [format.count(bytes), format.count(limit)];
  const message = `a message of ${needed} bytes, but clients accept at most ${accepted}`;
  if (relus === 0) return `it needs ${message}; use smaller images or fewer channels`;
  const most = Math.floor((limit / bytes) * relus);
  return (
    `its ${format.count(relus)} ReLUs need ${message}, about ${format.count(most)} ReLUs in one layer; ` +
    `remove ReLUs of this layer (reluctant reduce), or use smaller images or fewer channels`
  );
}
