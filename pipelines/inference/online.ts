import type { Ring } from '../../crypto/ring/kernels.ts';
import {
  clientParts,
  clientReply,
  messageLength,
  replyLength,
  serverFinish,
  serverMessage,
  serverParts,
} from '../../crypto/steps/activation/activation.ts';
import { linearOnline } from '../../crypto/steps/linear.ts';
import { sizeOf } from '../../models/tensor.ts';
import { tags } from '../../crypto/channel/channel.ts';
import { receiveParts, sendParts } from '../../crypto/channel/parts.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import { inputShare, outputShare } from './one-time.ts';
import type { ClientOffline, ServerOffline } from './one-time.ts';
import { StepClock } from './step-clock.ts';
import type { StepCost } from './step-clock.ts';
import { runLocal, withOffset } from './local-steps.ts';
import { answerBytes, clientAnswer, serverAnswer } from './answer.ts';
import type { Answer } from './answer.ts';
import { encodeInput } from './encoding.ts';
import { activationSteps, wireOf } from '../plan/plan.ts';
import type { Plan, StepKind, StepOf, WireId } from '../plan/plan.ts';
import type { ServerWeights } from '../compile/quantise.ts';

/** The step number of the frames of the input and the output. */
const ends = 0;

/**
 * The client's online phase: it sends the masked image, makes one round trip per activation layer, and
 * opens the answer. Uses up `offline`. `rounds` counts its turns: the image, and its answer to each layer.
 */
export async function onlineClient(
  channel: Channel,
  plan: Plan,
  offline: ClientOffline,
  image: Float32Array,
): Promise<{ answer: Answer; costs: StepCost[]; rounds: number }> {
  const input = encodeInput(plan, image);
  const mask = offline.shares.take(inputShare);
  await sendParts(channel, { tag: tags.masked, step: ends }, bytesOf(subtracted(input, mask)));
  const clock = new StepClock('client');
  let rounds = 1;
  for (const step of activationSteps(plan)) {
    rounds++;
    await clock.time(step, channel, async (view) => {
      for (const part of clientParts(offline.activations.take(step.id))) {
        const message = await view.receive(tags.activation, step.id, messageLength(part.layer));
        await view.send(tags.activation, step.id, clientReply(part, message));
      }
    });
  }
  const message = await receiveParts(channel, { tag: tags.output, step: ends, length: answerBytes(plan) });
  const answer = clientAnswer(plan, offline.shares.take(outputShare), message);
  return { answer, costs: clock.costs, rounds };
}

type ServerState = {
  /** A view of the channel that counts the step's bytes. */
  readonly channel: Channel;
  readonly plan: Plan;
  readonly weights: ServerWeights;
  readonly offline: ServerOffline;
  readonly ring: Ring;
};

type ServerRule<K extends StepKind> = (
  step: StepOf<K>,
  inputs: readonly Uint32Array[],
  state: ServerState,
) => Uint32Array | Promise<Uint32Array>;

/** Computes the server's share of a step's output from its shares of the inputs. */
const serverRules: { readonly [K in StepKind]: ServerRule<K> } = {
  linear: (step, [u], { ring, weights, offline }) =>
    linearOnline(ring, step.spec, weights.get(step.id)!, u!, offline.masks.take(step.id)),
  bias: (step, [u], { weights }) => {
    const { bias } = weights.get(step.id)!;
    return u!.map((x, i) => x + bias[i]!);
  },
  add: (step, inputs, { plan }) => runLocal(plan, step, inputs),
  concat: (step, inputs, { plan }) => runLocal(plan, step, inputs),
  sumPool: (step, inputs, { plan }) => runLocal(plan, step, inputs),
  reshape: (step, inputs, { plan }) => runLocal(plan, step, inputs),
  pick: (step, inputs, { plan }) => runLocal(plan, step, inputs),
  combine: (step, inputs, { plan }) => runLocal(plan, step, inputs),
  offset: (step, [u]) => withOffset(step, u!),
  activation: async (step, [xS], { channel, offline }) => {
    const parts = serverParts(offline.activations.take(step.id));
    for (const part of parts) await channel.send(tags.activation, step.id, serverMessage(part, xS!));
    const y = new Uint32Array(xS!.length);
    for (const part of parts)
      serverFinish(part, await channel.receive(tags.activation, step.id, replyLength(part.layer)), y);
    return y;
  },
};

/**
 * The server's online phase. Uses up `offline`; the server learns nothing. `wires` is its share of every
 * wire, for checks.
 */
export async function onlineServer(
  channel: Channel,
  plan: Plan,
  weights: ServerWeights,
  offline: ServerOffline,
  ring: Ring,
): Promise<{ costs: StepCost[]; wires: ReadonlyMap<WireId, Uint32Array> }> {
  const party = { plan, weights, offline, ring };
  const length = 4 * elementsOf(plan, plan.input.wire);
  const input = await receiveParts(channel, { tag: tags.masked, step: ends, length });
  const wires = new Map<WireId, Uint32Array>([[plan.input.wire, wordsOf(input)]]);
  const clock = new StepClock('server');
  for (const step of plan.steps) {
    const rule = serverRules[step.kind] as ServerRule<StepKind>;
    const inputs = step.inputs.map((wire) => wires.get(wire)!);
    wires.set(
      step.output,
      await clock.time(step, channel, (view) => rule(step, inputs, { ...party, channel: view })),
    );
  }
  await sendParts(
    channel,
    { tag: tags.output, step: ends },
    serverAnswer(plan, wires.get(plan.output.wire)!),
  );
  return { costs: clock.costs, wires };
}

function elementsOf(plan: Plan, wire: WireId): number {
  return sizeOf(wireOf(plan, wire).shape);
}

/** Words are little-endian in messages, and so is every machine that runs WASM. */
function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function wordsOf(bytes: Uint8Array<ArrayBuffer>): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function subtracted(a: Uint32Array, b: Uint32Array): Uint32Array {
  return a.map((x, i) => x - b[i]!);
}
