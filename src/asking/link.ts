import { abreast } from '../../crypto/channel/abreast.ts';
import { tags } from '../../crypto/channel/channel.ts';
import type { Channel, SharedChannel } from '../../crypto/channel/channel.ts';
import { ended } from '../../models/ending.ts';
import { outsideRange } from '../../pipelines/inference/encoding.ts';
import { offlineClient } from '../../pipelines/inference/offline.ts';
import type { ClientOffline } from '../../pipelines/inference/one-time.ts';
import { onlineClient } from '../../pipelines/inference/online.ts';
import type { openClientParty } from '../../pipelines/inference/parties.ts';
import type { Plan } from '../../pipelines/plan/plan.ts';
import { grantSchema, notRefused, receiveJson } from '../net/messages.ts';
import { encodeRequest, measured } from '../net/session.ts';
import type { PhaseCost, Request } from '../net/session.ts';
import { defined } from '../shared/defined.ts';
import type { InferenceResult } from './result.ts';

/** The client's end of a connection. */
export type ClientChannel = SharedChannel & {
  /** Why the connection ended; undefined while it is open. */
  readonly failure: Error | undefined;
  /** Resolves when all frames have been handed to the operating system. */
  flushed(): Promise<void>;
};

/**
 * A connection and the keys made over it. They are made again when the connection is: nothing of them is
 * kept.
 */
export type Link = {
  readonly channel: ClientChannel;
  readonly party: Awaited<ReturnType<typeof openClientParty>>;
  requests: number;
  /** What closes the sequence of offline frames for each inference that is granted and not yet prepared. */
  readonly granted: Map<number, () => void>;
};

/** A prepared inference, and what its offline phase took. */
export type Ready = { readonly offline: ClientOffline; readonly cost: PhaseCost };

/** Returns the number of the request. */
export async function request(link: Link, asked: Request): Promise<number> {
  const count = ++link.requests;
  await link.channel.send(tags.request, count, encodeRequest(asked));
  return count;
}

/**
 * Asks for one more inference, while others may be prepared. Returns its number. `prepareOver` of it must
 * follow, in the order in which they were asked for.
 */
export async function askOver(link: Link): Promise<number> {
  const { channel } = link;
  // The server's first frame of the offline phase may come right after the grant.
  const [closeGrant, closeOffline] = [channel.open('session'), channel.open('offline')];
  try {
    const count = await request(link, { kind: 'prepare' });
    const grant = await receiveJson(channel, tags.grant, count, grantSchema);
    notRefused(grant);
    link.granted.set(grant.granted, closeOffline);
    return grant.granted;
  } catch (error) {
    closeOffline();
    throw error;
  } finally {
    closeGrant();
  }
}

/** The offline phase of an inference that was granted. `afterwards` counts too. */
export async function prepareOver(
  { channel, party, granted }: Link,
  number: number,
  plan: Plan,
  afterwards?: () => Promise<void>,
): Promise<Ready> {
  const { offline, cost } = await measured(channel, 'client', async (view) => {
    const result = await offlineClient(view, plan, party);
    await afterwards?.();
    return result;
  });
  granted.get(number)?.();
  granted.delete(number);
  return { offline, cost };
}

/** Answers images in the same round trips, each with a prepared inference, which is spent. */
export async function answerOver(
  link: Link,
  plan: Plan,
  taken: readonly (readonly [number, Ready])[],
  images: readonly Float32Array[],
): Promise<InferenceResult[]> {
  const { channel } = link;
  const close = channel.open('online');
  try {
    await request(link, { kind: 'infer', numbers: taken.map(([number]) => number) });
    const views = abreast(channel, taken.length);
    return await Promise.all(
      taken.map(([, ready], i) => views[i]!.run((view) => answer(view, plan, ready, images[i]!))),
    );
  } finally {
    close();
  }
}

async function answer(
  channel: Channel,
  plan: Plan,
  { offline, cost }: Ready,
  image: Float32Array,
): Promise<InferenceResult> {
  const online = await measured(channel, 'client', (view) => onlineClient(view, plan, offline, image));
  const { label, logits } = online.answer;
  const { ending } = plan;
  const outputs = ending && logits && ended(ending, logits);
  return {
    label,
    ...defined({ logits, outputs }),
    offline: cost,
    online: { ...online.cost, rounds: online.rounds },
    ...defined({ outsideRange: outsideRange(plan, image) }),
  };
}
