import { HeClient } from '../../crypto/he/linear.ts';
import type { WorkerPool } from '../../crypto/pool/pool.ts';
import { otClient, otServer } from '../../crypto/ot/session.ts';
import { heSetupServer, linearOfflineClient, linearOfflineServer } from '../../crypto/steps/linear.ts';
import { signWork } from '../../crypto/sign/work.ts';
import { warmUpClient } from '../../crypto/steps/warm-up.ts';
import { productOfflineClient, productOfflineServer } from '../../crypto/steps/product.ts';
import { tags } from '../../crypto/channel/channel.ts';
import type { Channel } from '../../crypto/channel/channel.ts';
import type { Rng } from '../../src/shared/random.ts';
import type { ClientParty, ServerParty } from './offline.ts';

const step = 0;

/**
 * The client's keys and base transfers of a session, made once before its inferences. `close` wipes the keys.
 * `depth` is that of the trees of transfers, the same for both parties (default: `defaultDepth`).
 */
export async function openClientParty(
  channel: Channel,
  pool: WorkerPool,
  rng: Rng,
  depth?: number,
): Promise<ClientParty & { close(): void }> {
  // A worker makes the keys while this thread does the base transfers.
  const keys = HeClient.create(pool);
  keys.catch(() => undefined);
  const ot = await otClient(channel, rng, { pool, depth });
  await warmUpClient();
  const he = await keys;
  await channel.send(tags.hePublicKey, step, he.publicKey);
  return {
    ot,
    rng,
    work: await signWork(pool),
    linear: (lane, id, spec, input) => linearOfflineClient(he, lane, id, spec, input),
    products: (lane, id, u) => productOfflineClient(he, lane, id, u),
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
  weightsName: string,
  rng: Rng,
  depth?: number,
): Promise<ServerParty> {
  const ot = await otServer(channel, rng, { pool, depth });
  const he = await heSetupServer(pool, channel, step);
  return {
    ot,
    rng,
    work: await signWork(pool),
    linear: (lane, id, spec, { weights }) =>
      linearOfflineServer(he, lane, id, spec, `${weightsName}/${id}`, weights, rng),
    products: (lane, id, a) => productOfflineServer(he, lane, id, a, rng),
  };
}
