import type { Command } from 'commander';
import { planHash } from '../../../pipelines/plan/codec.ts';
import { checkAddress, startServer } from '../../server.ts';
import type { ServerEvent } from '../../server.ts';
import type { PhaseCost } from '../../net/session.ts';
import { defined } from '../../shared/defined.ts';
import { UsageError } from '../../shared/errors.ts';
import * as format from '../../shared/format.ts';
import { examples, whole } from '../options/command.ts';
import { compileFlags, compileOptionsOf } from '../options/compile.ts';
import type { CompileFlags } from '../options/compile.ts';
import type { Act, Context } from '../options/command.ts';
import { calibrationData, calibrationHelp, dataHelp, modelHelp } from '../options/inputs.ts';
import { calibrationText, calibrationValue, preparedModel } from '../options/prepared.ts';
import { readTokens } from '../options/tokens.ts';

type Options = CompileFlags & {
  readonly port: number;
  readonly host: string;
  readonly data?: string;
  readonly maxSessions: number;
  readonly maxSessionsPerClient?: number;
  readonly idle: number;
  readonly drainSeconds: number;
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
    .option('--data <data>', `${calibrationHelp}: ${dataHelp}`)
    .option('--max-sessions <n>', 'sessions at once', whole(1, 10_000), 16)
    .option(
      '--max-sessions-per-client <n>',
      'sessions at once of one token, or of one address (default: half of them with --tokens, else all)',
      whole(1, 10_000),
    )
    .option('--idle <seconds>', 'end a session that waits longer for its client', whole(1, 86_400), 300)
    .option('--drain-seconds <n>', 'on SIGTERM: time for inferences that have begun', whole(0, 3600), 30)
    .option('--threads <n>', 'for encryption; one a core where left out', whole(1, 256))
    .option('--tls-cert <file>', 'PEM certificate: serve wss:// instead of ws://')
    .option('--tls-key <file>', 'PEM key of the certificate')
    .option(
      '--tokens <file>',
      'serve only clients that show a token of this file; a line is `token` or `name: token`',
    )
    .option('--rate <n>', 'inferences that one client may begin in a minute', whole(1, 1_000_000));
  compileFlags(described).action(act(run));
  examples(command, [
    'reluctant serve zoo:fashion-resnet8 --port 8765',
    'reluctant serve reduced.onnx --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem',
  ]);
}

async function run(context: Context, name: string, options: Options) {
  const { show, signal, staysUp } = context;
  const { port, host, maxSessions, maxSessionsPerClient, idle, threads } = options;
  const tls = tlsOf(options);
  const tokens = options.tokens === undefined ? undefined : await readTokens('--tokens', options.tokens);
  // Before half a minute of calibration: startServer would say the same after it.
  await checkAddress({ host, port });
  const data = calibrationData(name, options.data);
  const prepared = await preparedModel(name, data, context, await compileOptionsOf(options));
  const { plan, weights } = prepared;
  const hash = planHash(plan);
  const log = (event: ServerEvent) => {
    const time = new Date().toISOString();
    show({ value: eventValue(event, time, hash), text: `${time} ${describe(event)}` });
  };
  const server = await startServer({
    ...{ plan, weights, port, host, maxSessions, idleSeconds: idle },
    ...defined({ threads, tls, tokens, maxSessionsPerClient, perMinute: options.rate }),
    onEvent: (event) => log(event),
  });
  staysUp();
  const ask = `npx reluctant infer ${server.url} --data ${data} --index 0 --plan-hash ${hash}`;
  show({
    value: { url: server.url, planHash: hash, calibration: calibrationValue(data, prepared) },
    text:
      `serving ${name} on ${server.url}\nplan hash ${hash}\n` +
      `calibrated on ${calibrationText(data, prepared)}\nask with: ${ask}\nstop with Ctrl-C`,
  });
  await stopped(signal);
  await server.close({ drainSeconds: options.drainSeconds });
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
  if (event.kind === 'refused') return `refused ${event.peer}: ${event.reason}`;
  const head = `session ${event.session} of ${event.peer}:`;
  switch (event.kind) {
    case 'opened':
      return `${head} opened`;
    case 'closed':
      return event.error ? `${head} ended: ${event.error.message}` : `${head} closed`;
    case 'inference':
      return `${head} answered; offline ${costText(event.offline)}, online ${costText(event.online)}`;
  }
}

function costText({ seconds, bytes_up, bytes_down }: PhaseCost): string {
  return `${format.duration(seconds)} and ${format.bytes(bytes_up + bytes_down)}`;
}

/** A line of --json: what happened, when, whose it was and what it took; for logs that programs read. */
function eventValue(event: ServerEvent, time: string, plan: string): object {
  const head = { time, plan };
  switch (event.kind) {
    case 'inference':
      return { ...head, ...event, offline: figures(event.offline), online: figures(event.online) };
    case 'closed': {
      const { error, ...rest } = event;
      return { ...head, ...rest, reason: error === undefined ? null : error.message };
    }
    case 'opened':
    case 'refused':
      return { ...head, ...event };
  }
}

function figures({ seconds, bytes_up, bytes_down }: PhaseCost) {
  return { seconds, bytesUp: bytes_up, bytesDown: bytes_down };
}
