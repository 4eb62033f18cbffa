import { afterAll, beforeAll, expect, test } from 'vitest';
import { ThreadPool } from '../../../../crypto/worker/thread-pool.ts';
import { otClient, otServer } from '../../../../crypto/ot/session.ts';
import { open, share } from '../../../../crypto/share.ts';
import { clientReply, serverFinish, serverMessage } from '../../../../crypto/steps/activation/activation.ts';
import { activationInClear } from '../../../../crypto/steps/activation/clear.ts';
import { heSetupClient, heSetupServer } from '../../../../crypto/steps/linear.ts';
import { productOfflineClient, productOfflineServer } from '../../../../crypto/steps/product.ts';
import { memoryChannels } from '../../../../crypto/channel/memory.ts';
import { offlineClient, offlineServer, reluSpec, someSpec, someValues } from '../../../helpers/activation.ts';
import { seededRng } from '../../../helpers/rng.ts';

let pool: ThreadPool;
beforeAll(() => {
  pool = new ThreadPool(1);
});
afterAll(() => pool.close());

test('mixed kinds are computed right with real transfers, tables and homomorphic products, over one channel', async () => {
  const rng = seededRng('real products');
  const [toServer, toClient] = memoryChannels();
  const [otC, otS] = await Promise.all([otClient(toServer, rng), otServer(toClient, rng)]);
  const [heC, heS] = await Promise.all([
    heSetupClient(pool, toServer, 0, rng),
    heSetupServer(pool, toClient, 0, rng),
  ]);
  const spec = someSpec('mixed', 100, rng, reluSpec(7));
  const x = someValues(400, 25, rng);
  const shares = share(x, rng);
  const step = 2;
  const ofClient = (u: Uint32Array) => productOfflineClient(heC, toServer, step, u);
  const ofServer = (a: Uint32Array) => productOfflineServer(heS, toClient, step, a, rng);
  const [client, server] = await Promise.all([
    offlineClient(toServer, step, otC, ofClient, spec, shares.client, rng),
    offlineServer(toClient, step, otS, ofServer, spec, rng),
  ]);
  const u = serverFinish(server, clientReply(client, serverMessage(server, shares.server)));
  expect(open(client.mask, u)).toEqual(activationInClear(spec, x, shares.client));
});
