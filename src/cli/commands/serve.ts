import type { Command } from 'commander';
import { planHash } from '../../../pipelines/plan/codec.ts';
import { startServer } from '../../server.ts';
import type { ServerEvent } from '../../server.ts';
import { defined } from '../../shared/defined.ts';
import { UsageError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { examples, whole } from '../options/command.ts';
import { compileFlags, compileOptionsOf } from '../options/compile.ts';
import type { CompileFlags } from '../options/compile.ts';
import type { Act, Context } from '../options/command.ts';
import { dataHelp, defaultData, modelHelp } from '../options/inputs.ts';
import { preparedModel } from '../options/prepared.ts';
import { readTokens } from '../options/tokens.ts';

type Options = CompileFlags & {
  readonly port: number;
  readonly host: string;
  readonly data: string;
  readonly maxSessions: number;
  readonly threads?: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tokens?: string;
  readonly rate?: number;
};

/** `serve MODEL --port P`: answers clients until it is stopped. */
export function configure(command: Command, act: Act): void {
  const described = command
    .argument('<model>', modelHelp)
    .option('--port <port>', 'to listen on; 0 takes any free one', whole(0, 65_535), 8765)
    .option('--host <address>', 'to listen on; 0.0.0.0 for all', '127.0.0.1')
    .option('--data <data>', `calibrates the scales: ${dataHelp}`, defaultData)
    .option('--max-sessions <n>', 'clients at once', whole(1, 10_000), 16)
    .option('--threads <n>', 'for encryption; one a core where left out', whole(1, 256))
    .option('--tls-cert <file>', 'PEM certificate: serve wss:// instead of ws://')
    .option('--tls-key <file>', 'PEM key of the certificate')
    .option('--tokens <file>', 'serve only clients that show one of these, one a line')
    .option('--rate <n>', 'inferences that one client may begin in a minute', whole(1, 1_000_000));
  compileFlags(described).action(act(run));
  examples(command, [
    'reluctant serve zoo:fashion-resnet8 --port 8765',
    'reluctant serve reduced.onnx --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem',
  ]);
}

async function run({ onProgress, show, say, signal }: Context, name: string, options: Options) {
  const { port, host, data, maxSessions, threads } = options;
  const tls = tlsOf(options);
  const tokens = options.tokens === undefined ? undefined : await readTokens('--tokens', options.tokens);
  const { plan, weights } = await preparedModel(name, data, onProgress, await compileOptionsOf(options));
  const server = await startServer({
    ...{ plan, weights, port, host, maxSessions },
    ...defined({ threads, tls, tokens, perMinute: options.rate }),
    onEvent: (event) => say(describe(event)),
  });
  const hash = planHash(plan);
  const ask = `npx reluctant infer ${server.url} --data ${data} --index 0 --plan-hash ${hash}`;
  show({
    value: { url: server.url, planHash: hash },
    text: `serving ${name} on ${server.url}\nplan hash ${hash}\nask with: ${ask}\nstop with Ctrl-C`,
  });
  await stopped(signal);
  await server.close();
  return undefined;
}

/** Ctrl-C, or a parent process that has gone (only where it opened a channel to this one). */
function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve());
    process.once('disconnect', () => resolve());
  });
}

function tlsOf({ tlsCert, tlsKey }: Options): { cert: string; key: string } | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  throw new UsageError('TLS needs both --tls-cert and --tls-key');
}

function describe(event: ServerEvent): string {
  const head = `session ${event.session}:`;
  switch (event.kind) {
    case 'opened':
      return `${head} opened from ${event.peer}`;
    case 'refused':
      return `${head} refused, too many sessions (${event.peer})`;
    case 'closed':
      return event.error ? `${head} ended: ${event.error.message}` : `${head} closed`;
    case 'inference': {
      const { offline, online } = event;
      return `${head} answered; offline ${format.duration(offline.seconds)}, online ${format.duration(online.seconds)}`;
    }
  }
}
