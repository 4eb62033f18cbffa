import type { AddressInfo } from 'node:net';
import type { Command } from 'commander';
import { planHash } from '../../../../pipelines/plan/codec.ts';
import { connect } from '../../../client.ts';
import { printable } from '../../../net/printable.ts';
import { UsageError } from '../../../shared/errors.ts';
import { examples, whole } from '../../options/command.ts';
import type { Act, Context } from '../../options/command.ts';
import { configFlag } from '../../options/config.ts';
import { askFlags, askOptions } from '../../options/server.ts';
import type { AskFlags } from '../../options/server.ts';
import { Asker } from './asker.ts';
import { gatewayServer, loopback } from './http.ts';

type Options = AskFlags & { readonly port: number; readonly ahead: number };

/**
 * `gateway URL --port P`: a client for every language. Programs of this machine post a picture and get JSON;
 * the picture leaves the machine only masked.
 */
export function configure(command: Command, act: Act): void {
  command
    .argument('<url>', 'address that serve printed, ws:// or wss://')
    .option(
      '--port <port>',
      `listen on this port of ${loopback}; 0 takes any free one`,
      whole(0, 65_535),
      8080,
    )
    .option('--ahead <n>', 'inferences to keep prepared, as far as the server allows', whole(0, 32), 2);
  configFlag(askFlags(command)).action(act(run));
  examples(command, [
    'reluctant gateway wss://server.example:8765 --token-file token.txt --plan-hash HASH',
    ['then, in another terminal or any program', 'curl --data-binary @photo.png http://127.0.0.1:8080'],
  ]);
}

async function run(context: Context, url: string, options: Options) {
  const asked = { ...(await askOptions(options, context)), ahead: options.ahead };
  const asker = new Asker(() => connect(url, asked));
  const { plan } = await asker.session();
  const http = gatewayServer(asker);
  await new Promise<void>((resolve, reject) => {
    http.once('error', (error) => reject(new UsageError(`--port ${options.port}: ${error.message}`)));
    http.listen(options.port, loopback, resolve);
  }).catch(async (error: unknown) => {
    await asker.close();
    throw error;
  });
  context.staysUp();
  const here = `http://${loopback}:${(http.address() as AddressInfo).port}`;
  context.show({
    value: { url: here, server: url, model: plan.name, planHash: planHash(plan) },
    text:
      `${printable(plan.name)} of ${url}: post a picture or a .npy array to ${here}\n` +
      `plan hash ${planHash(plan)}\nCtrl-C stops the gateway`,
  });
  await new Promise((resolve) => context.signal.addEventListener('abort', resolve));
  http.close();
  http.closeAllConnections();
  await asker.close();
  return undefined;
}
