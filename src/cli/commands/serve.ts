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
import { describeFlags } from '../options/describe.ts';
import type { DescribeFlags } from '../options/describe.ts';
import { calibrationData, calibrationHelp, modelHelp, threadsHelp } from '../options/inputs.ts';
import { calibrationText, calibrationValue, preparedModel } from '../options/prepared.ts';
import { readTokens } from '../options/tokens.ts';

type Options = CompileFlags &
  DescribeFlags & {
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

/** `serve MODEL --port P`: answers clients until a signal stops it. */
export function configure(command: Command, act: Act): void {
  const described = command
    .argument('<model>', modelHelp)
    .option('--port <port>', 'listen on this port; 0 takes any free one', whole(0, 65_535), 8765)
    .option('--host <address>', 'listen on this address; 0.0.0.0 listens on all', '127.0.0.1')
    .option('--data <data>', calibrationHelp)
    .option('--max-sessions <n>', 'largest number of concurrent sessions', whole(1, 10_000), 16)
    .option(
      '--max-sessions-per-client <n>',
      'largest number of concurrent sessions of one client, known by its token or address ' +
        '(default: half of --max-sessions with --tokens, else all)',
      whole(1, 10_000),
    )
    .option('--idle <seconds>', 'end a session whose client is silent for longer', whole(1, 86_400), 300)
    .option(
      '--drain-seconds <n>',
      'on SIGTERM, wait this long for inferences that have begun',
      whole(0, 3600),
      30,
    )
    .option('--threads <n>', threadsHelp, whole(1, 256))
    .option('--tls-cert <file>', 'PEM certificate; with it the address is wss:// instead of ws://')
    .option('--tls-key <file>', 'PEM key of the certificate; needed with --tls-cert')
    .option(
      '--tokens <file>',
      "serve only clients with a token of this file; each line is 'token' or 'name: token'",
    )
    .option(
      '--rate <n>',
      'largest number of inferences that one client may begin per minute (default: no limit)',
      whole(1, 1_000_000),
    );
  describeFlags(compileFlags(described)).action(act(run));
  examples(command, [
    'reluctant serve zoo:fashion-resnet8 --port 8765',
    [
      'on all addresses, encrypted, only for clients with a token',
      'reluctant serve reduced.onnx --data folder:my-images@32 --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --tokens tokens.txt',
    ],
    [
      'with the sign tests that circa chose',
      'reluctant serve reduced.onnx --data fashion-mnist-part --circa windows.json',
    ],
  ]);
}

async function run(context: Context, name: string, options: Options) {
  const { show, signal, staysUp } = context;
  const { port, host, maxSessions, maxSessionsPerClient, idle, threads } = options;
  const tls = tlsOf(options);
  const tokens = options.tokens === undefined ? undefined : await readTokens('--tokens', options.tokens);
  // startServer checks this too, but only after half a minute of calibration.
  await checkAddress({ host, port });
  const data = calibrationData(name, options.data);
  const prepared = await preparedModel(name, data, context, await compileOptionsOf(options), options);
  const { plan, weights } = prepared;
  const hash = planHash(plan);
  const log = (event: ServerEvent) => {
    const time = new Date().toISOString();
    show({ value: eventValue(event, time), text: `${time} ${describe(event)}` });
  };
  const server = await startServer({
    ...{ plan, weights, port, host, maxSessions, idleSeconds: idle },
    ...defined({ threads, tls, tokens, maxSessionsPerClient, perMinute: options.rate }),
    onEvent: log,
  });
  staysUp();
  const ask = `npx reluctant infer ${server.url} --data ${data} --index 0 --plan-hash ${hash}`;
  show({
    value: { url: server.url, planHash: hash, calibration: calibrationValue(data, prepared) },
    text:
      `serving ${name} on ${server.url}\nplan hash ${hash}\n` +
      `calibrated on ${calibrationText(data, prepared)}\nto classify an image: ${ask}\nCtrl-C stops the server`,
  });
  await stopped(signal);
  await server.close({ drainSeconds: options.drainSeconds });
  return undefined;
}

/** Resolves on Ctrl-C, and when the parent process ends if it opened a channel to this one. */
function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve());
    process.once('disconnect', () => resolve());
  });
}

function tlsOf({ tlsCert, tlsKey }: Options): { cert: string; key: string } | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  throw new UsageError('TLS needs both --tls-cert and --tls-key: give the other one too');
}

function describe(event: ServerEvent): string {
  if (event.kind === 'refused') return `refused ${event.peer}: ${event.reason}`;
  const head = `session ${event.session} of ${event.peer}:`;
  switch (event.kind) {
    case 'opened':
      return `${head} opened`;
    case 'resumed':
      return `${head} continues with ${event.prepared} prepared inferences`;
    case 'limited':
      return `${head} refused a request: ${event.reason}`;
    case 'closed':
      return event.error ? `${head} ended: ${event.error.message}${keptText(event.kept)}` : `${head} closed`;
    case 'inference':
      return `${head} answered; offline ${costText(event.offline)}, online ${costText(event.online)}`;
  }
}

function keptText(prepared: number): string {
  return prepared === 0 ? '' : `; ${prepared} prepared inferences are kept`;
}

function costText({ seconds, bytes_up, bytes_down }: PhaseCost): string {
  return `${format.duration(seconds)} and ${format.bytes(bytes_up + bytes_down)}`;
}

/** A line of --json: what happened, when, for which client and at what cost. Programs read it from a log. */
function eventValue(event: ServerEvent, time: string): object {
  switch (event.kind) {
    case 'inference':
      return { time, ...event, offline: figures(event.offline), online: figures(event.online) };
    case 'closed': {
      const { error, ...rest } = event;
      return { time, ...rest, reason: error === undefined ? null : error.message };
    }
    case 'opened':
    case 'resumed':
    case 'limited':
    case 'refused':
      return { time, ...event };
  }
}

function figures({ seconds, bytes_up, bytes_down }: PhaseCost) {
  return { seconds, bytesUp: bytes_up, bytesDown: bytes_down };
}
