import type { OtClient, OtServer } from '../../../crypto/ot/session.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import { outputElements } from '../../../crypto/spec.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import type { Channel } from '../../../crypto/channel/channel.ts';
import { offlineClient, offlineServer } from '../../../pipelines/inference/offline.ts';
import type { ClientParty, ServerParty } from '../../../pipelines/inference/offline.ts';
import { onlineClient, onlineServer } from '../../../pipelines/inference/online.ts';
import type { ServerWeights } from '../../../pipelines/compile/quantise.ts';
import type { Plan } from '../../../pipelines/plan/plan.ts';
import { randomWords } from '../../../src/shared/random.ts';
import type { Rng } from '../../../src/shared/random.ts';
import { work } from './activation.ts';

const ring = await loadRing();

/** Both parties; homomorphic encryption is replaced by its ideal functionality. */
function parties([otC, otS]: [OtClient, OtServer], client: Rng, server: Rng): [ClientParty, ServerParty] {
  const answers = new Map<number, PromiseWithResolvers<{ weights: Int32Array; mask: Uint32Array }>>();
  const answer = (step: number) => {
    if (!answers.has(step)) answers.set(step, Promise.withResolvers());
    return answers.get(step)!;
  };
  return [
    {
      ot: otC,
      work,
      rng: client,
      linear: async (_lane, step, spec, r) => {
        const { weights, mask } = await answer(step).promise;
        return ring.conv(spec, weights, r).map((word, i) => word - mask[i]!);
      },
    },
    {
      ot: otS,
      work,
      rng: server,
      linear: (_lane, step, spec, { weights }) => {
        const mask = randomWords(server, outputElements(spec));
        answer(step).resolve({ weights, mask });
        return Promise.resolve(mask);
      },
    },
  ];
}

/** One inference in this process: both parties' shares of every wire, and S's last frame. */
export async function idealInference(
  { plan, weights }: { readonly plan: Plan; readonly weights: ServerWeights },
  image: Float32Array,
  ot: [OtClient, OtServer],
  rng: { readonly client: Rng; readonly server: Rng },
) {
  const [near, far] = memoryChannels();
  const [clientParty, serverParty] = parties(ot, rng.client, rng.server);
  const [c, s] = await Promise.all([
    offlineClient(near, plan, clientParty),
    offlineServer(far, plan, weights, serverParty),
  ]);
  const last: Uint8Array[] = [];
  const [client, server] = await Promise.all([
    onlineClient(near, plan, c.offline, image),
    onlineServer(keepingAnswers(far, last), plan, weights, s.offline, ring),
  ]);
  return { client, wires: { client: c.wires, server: server.wires }, answer: last[0]! };
}

/** A channel that keeps what is sent as the answer. */
function keepingAnswers(channel: Channel, answers: Uint8Array[]): Channel {
  return {
    send(tag, step, payload, part) {
      if (tag === tags.output) answers.push(payload.slice());
      return channel.send(tag, step, payload, part);
    },
    receive: (tag, step, length, part) => channel.receive(tag, step, length, part),
    receiveUpTo: (tag, step, maxLength) => channel.receiveUpTo(tag, step, maxLength),
    get traffic() {
      return channel.traffic;
    },
    close: (reason) => channel.close(reason),
  };
}
