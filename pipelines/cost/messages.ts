import { linearCost } from '../../crypto/he/linear.ts';
import { publicKeyBytes } from '../../crypto/he/keys.ts';
import { productRequestBytes, productResponseBytes } from '../../crypto/he/product.ts';
import { choiceBytes, pointBytes } from '../../crypto/ot/base.ts';
import { securityBits, treeDepth } from '../../crypto/ot/extension.ts';
import { treesBytes } from '../../crypto/ot/trees.ts';
import { messageBytes, offlinePayloads, replyBytes } from '../../crypto/steps/activation/messages.ts';
import { sizeOf } from '../../models/tensor.ts';
import { squareBatches } from '../inference/joined-squares.ts';
import { serialisePlan } from '../plan/codec.ts';
import { wireOf } from '../plan/plan.ts';
import type { Plan, Step, WireId } from '../plan/plan.ts';

/** Payloads of the frames that go each way, in bytes and in order; `up` is from the client to the server. */
export type Messages = { readonly up: readonly number[]; readonly down: readonly number[] };

/** Of one step. */
export type StepMessages = {
  /** Offline: a linear layer's ciphertexts. */
  readonly linear: Messages;
  /** Offline: those of squares, which are joined over layers and count at the step of a batch's first. */
  readonly squares: Messages;
  /** Offline: an activation layer's transfers and circuits. */
  readonly circuits: Messages;
  readonly online: Messages;
};

/** Every message that the two parties exchange. */
export type PlanMessages = {
  /** Once a session: plan, keys and base transfers. */
  readonly session: Messages;
  /** Online: the masked image up and the server's share of the logits down. */
  readonly ends: Messages;
  /** In the order of the plan's steps. */
  readonly steps: readonly StepMessages[];
};

const nothing: Messages = { up: [], down: [] };

/** The one count of messages that bytes, limits and seconds are made of. Throws PlanError for a linear step that can't be packed. */
export function messagesOf(plan: Plan): PlanMessages {
  const squares = squareMessages(plan);
  return {
    session: sessionMessages(plan),
    ends: { up: [wordsOf(plan, plan.input.wire)], down: [wordsOf(plan, plan.output.wire)] },
    steps: plan.steps.map((step) => stepMessages(step, squares.get(step.id) ?? nothing)),
  };
}

function stepMessages(step: Step, squares: Messages): StepMessages {
  const own = { linear: nothing, squares, circuits: nothing, online: nothing };
  if (step.kind === 'linear') {
    const { requestBytes, responseBytes } = linearCost(step.spec);
    return { ...own, linear: { up: [requestBytes], down: [responseBytes] } };
  }
  if (step.kind !== 'activation') return own;
  const { spec } = step;
  const online = { up: [replyBytes(spec)], down: [messageBytes(spec)] };
  return { ...own, circuits: offlinePayloads(spec), online };
}

function squareMessages(plan: Plan): Map<number, Messages> {
  const messages = new Map<number, Messages>();
  for (const { step, count } of squareBatches(plan)) {
    const { up, down } = messages.get(step.id) ?? nothing;
    messages.set(step.id, {
      up: [...up, productRequestBytes(count)],
      down: [...down, productResponseBytes(count)],
    });
  }
  return messages;
}

/** hello, accept, public key, base transfers; welcome, base transfers. */
function sessionMessages(plan: Plan): Messages {
  const trees = treesBytes(treeDepth, securityBits / treeDepth);
  const transfers = [pointBytes, choiceBytes * securityBits, trees];
  return {
    up: [1 + 32, 32, publicKeyBytes, ...transfers],
    down: [serialisePlan(plan).byteLength, ...transfers],
  };
}

function wordsOf(plan: Plan, wire: WireId): number {
  return 4 * sizeOf(wireOf(plan, wire).shape);
}
