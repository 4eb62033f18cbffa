import { expect, test } from 'vitest';
import { otClient, otServer } from '../../../crypto/ot/session.ts';
import { share } from '../../../crypto/share.ts';
import { clientReply, serverMessage } from '../../../crypto/steps/activation/activation.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { offlineClient, offlineServer, reluSpec, someSpec, someValues } from '../../helpers/protocol/activation.ts';
import { seededRng } from '../../helpers/rng.ts';
import { frameRow, recording } from '../../helpers/protocol/wire.ts';

/**
 * A refactor must not move a row. A change of the protocol moves rows on purpose (`vitest -u`), with a new
 * protocolVersion.
 */
test('the bytes of a session’s OT and of one activation layer are those on file', async () => {
  const [clientRng, serverRng] = [seededRng('wire client'), seededRng('wire server')];
  const [a, b] = memoryChannels();
  const [sentByClient, sentByServer]: [string[], string[]] = [[], []];
  const [toServer, toClient] = [recording(a, 'client', sentByClient), recording(b, 'server', sentByServer)];
  const [otC, otS] = await Promise.all([otClient(toServer, clientRng), otServer(toClient, serverRng)]);

  const rng = seededRng('wire');
  const spec = someSpec('mixed', 40, rng, reluSpec(6, 'negPass'));
  const x = share(someValues(160, 25, rng), rng);
  const [client, server] = await Promise.all([
    offlineClient(toServer, 1, otC, spec, x.client, clientRng),
    offlineServer(toClient, 1, otS, spec),
  ]);
  const message = serverMessage(server, x.server);
  sentByServer.push(frameRow('server', 1, 'masked', message));
  sentByClient.push(frameRow('client', 1, 'activation', clientReply(client, message)));

  const file = [...sentByClient, ...sentByServer].join('\n') + '\n';
  await expect(file).toMatchFileSnapshot('activation.txt');
});
