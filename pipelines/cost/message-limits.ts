import { linearCost } from '../../crypto/he/linear.ts';
import { partBytes } from '../../crypto/steps/activation/messages.ts';
import { defaultDepth } from '../../crypto/ot/blocks.ts';
import { frameHeaderBytes } from '../../crypto/channel/channel.ts';
import { PlanError } from '../../src/shared/errors.ts';
import * as format from '../../src/shared/format.ts';
import { layerTransfers, transferCounts } from '../inference/layer-transfers.ts';
import type { Plan, Step } from '../plan/plan.ts';
import { transferFrames } from './drawing.ts';

/** The largest message that a client accepts by default, in bytes. */
export const maxMessageBytes = 2 ** 30;

/**
 * Refuses a plan with a step whose messages are larger than a client accepts, because it would fail in the
 * middle of the protocol. Activation layers are sent in parts, however large they are. Throws PlanError
 * with the node, the size of its message and the limit.
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
  return frameHeaderBytes + Math.max(...partBytes(step.spec).map(({ message }) => message));
}

function complaint(step: Step, bytes: number, limit: number): string {
  const [needed, accepted] = [format.count(bytes), format.count(limit)];
  const message = `a message of ${needed} bytes, but clients accept at most ${accepted}`;
  const advice = step.kind === 'linear' ? '; use smaller images or fewer channels' : '';
  return `it needs ${message}${advice}`;
}
