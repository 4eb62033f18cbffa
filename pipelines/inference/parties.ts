import { HeClient } from '../../crypto/he/linear.ts';
import type { WorkerPool } from '../../crypto/pool/pool.ts';
import { otClient, otServer } from '../../crypto/ot/session.ts';
import type { SessionSource } from '../../crypto/ot/session.ts';
import { clientActivationWork, serverActivationWork } from '../../crypto/steps/activation/work.ts';
import {
  heKeysClient,
  heKeysServer,
  heOpenClient,
  heOpenServer,
  linearOfflineClient,
  linearOfflineServer,
} from '../../crypto/steps/linear.ts';
import { warmUpClient } from '../../crypto/steps/warm-up.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import type { Plan } from '../plan/plan.ts';
import { defaultCaches } from './caches.ts';
import type { Caches, ClientCaches } from './caches.ts';
import type { ClientParty, ServerParty } from './offline.ts';
import { linearKeysOf, openedSteps } from './opened.ts';

const step = 0;

/** How a session draws its transfers, the same for both parties. */
export type PartyTransfers = {
  /** Of the trees of SoftSpokenOT (default: `defaultDepth`). */
  readonly depth?: number;
  /** What those of each direction come from (default: SoftSpokenOT). */
  readonly sources?: { readonly up: SessionSource; readonly down: SessionSource };
};

/**
 * The client's keys and base transfers of a session, made once before its inferences. `close` overwrites the
 * key, which all threads share.
 */
export async function openClientParty(
  channel: Channel,
  pool: WorkerPool,
  plan: Plan,
  rng: Rng,
  transfers: PartyTransfers = {},
  { aheadBytes, indices }: ClientCaches = defaultCaches,
): Promise<ClientParty & { close(): void }> {
  // A worker makes the keys while this thread does the base transfers.
  const keys = HeClient.create(pool);
  keys.catch(() => undefined);
  const part = await heOpenClient(channel, step, rng);
  const ot = await otClient(channel, rng, { pool, aheadBytes, indices, ...transfers });
  await warmUpClient();
  const he = await keys;
  await heKeysClient(he, channel, step, part, linearKeysOf(plan));
  return {
    ot,
    rng,
    work: await clientActivationWork(pool),
    linear: (lane, id, spec, input) => linearOfflineClient(he, lane, id, spec, input),
    close: () => he.close(),
  };
}

/**
 * The server's half. `weightsName` must name the same weights for as long as the pool lives, because their
 * transforms are kept under it.
 */
export async function openServerParty(
  channel: Channel,
  pool: WorkerPool,
  plan: Plan,
  weightsName: string,
  rng: Rng,
  transfers: PartyTransfers = {},
  { aheadBytes, indices, weightBytes }: Caches = defaultCaches,
): Promise<ServerParty> {
  const part = await heOpenServer(channel, step);
  const options = { linearKeys: linearKeysOf(plan), weightCacheBytes: weightBytes };
  const ot = await otServer(channel, rng, { pool, aheadBytes, indices, ...transfers });
  const he = await heKeysServer(pool, channel, step, part, options, rng);
  const opened = openedSteps(plan);
  return {
    ot,
    rng,
    work: await serverActivationWork(pool),
    linear: (lane, id, spec, { weights }) =>
      linearOfflineServer(he, lane, id, spec, `${weightsName}/${id}`, weights, opened.has(id)),
  };
}
