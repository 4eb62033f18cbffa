import { expect, test } from 'vitest';
import { open, share } from '../../../../crypto/share.ts';
import { clientReply, serverFinish, serverMessage } from '../../../../crypto/steps/activation/activation.ts';
import { activationInClear } from '../../../../crypto/steps/activation/clear.ts';
import { memoryChannels } from '../../../../crypto/channel/memory.ts';
import {
  offlineClient,
  offlineServer,
  realOt,
  reluSpec,
  someSpec,
  someValues,
} from '../../../helpers/protocol/activation.ts';
import { seededRng } from '../../../helpers/rng.ts';

test('mixed kinds are computed right with real transfers, tables and products, over one channel', async () => {
  const rng = seededRng('real products');
  const [toServer, toClient] = memoryChannels();
  const [otC, otS] = await realOt(rng);
  const spec = someSpec('mixed', 100, rng, reluSpec(7));
  const x = someValues(400, 25, rng);
  const shares = share(x, rng);
  const [client, server] = await Promise.all([
    offlineClient(toServer, 2, otC, spec, shares.client, rng),
    offlineServer(toClient, 2, otS, spec),
  ]);
  const u = serverFinish(server, clientReply(client, serverMessage(server, shares.server)));
  expect(open(client.mask, u)).toEqual(activationInClear(spec, x, shares.client));
});
