import type { RequestListener } from 'node:http';
import { Option } from 'commander';
import type { Command } from 'commander';
import { zooModel } from '../../../../models/zoo/index.ts';
import { readCertificate } from '../../../net/certificate.ts';
import type { CertificateFiles } from '../../../net/certificate.ts';
import { checkOrigin } from '../../../net/origin.ts';
import { openSite } from '../../../page/site.ts';
import { checkAddress, startServer } from '../../../server.ts';
import type { ServerEvent } from '../../../server.ts';
import { defined } from '../../../shared/defined.ts';
import { UsageError } from '../../../shared/errors.ts';
import { byteSize, examples, repeated, whole } from '../../options/command.ts';
import { compileFlags } from '../../options/compile.ts';
import type { CompileFlags } from '../../options/compile.ts';
import type { Act, Context } from '../../options/command.ts';
import { configFlag } from '../../options/config.ts';
import { describeFlags } from '../../options/describe.ts';
import type { DescribeFlags } from '../../options/describe.ts';
import { calibrationHelp, memoryHelp, modelHelp, threadsHelp } from '../../options/inputs.ts';
import { aboutModel, askedTogether, pageUrl, samplesOf } from '../../options/page.ts';
import { stopped } from '../../options/stopped.ts';
import { readTokens } from '../../options/tokens.ts';
import { Hangups } from './hangups.ts';
import { logFormats, serverLog } from './log.ts';
import type { LogFormat } from './log.ts';
import { loadModels, modelsText, modelsValue } from './models.ts';
import type { LoadedModel } from './models.ts';
import { checkMetricsPort, metricsUrl, serveMetrics } from './metrics-server.ts';
import type { Metrics } from '../../../serving/metrics.ts';

type Options = CompileFlags &
  DescribeFlags & {
    /** Of a configuration file. */
    readonly models?: readonly string[];
    readonly port: number;
    readonly host: string;
    readonly name?: readonly string[];
    readonly data?: readonly string[];
    readonly maxSessions: number;
    readonly maxSessionsPerClient?: number;
    readonly idle: number;
    readonly drainSeconds: number;
    readonly threads?: number;
    readonly memory?: number;
    readonly tlsCert?: string;
    readonly tlsKey?: string;
    readonly tokens?: string;
    readonly rate?: number;
    readonly ahead: number;
    readonly resumeSeconds: number;
    readonly web?: boolean;
    readonly samples?: string;
    readonly origin?: readonly string[];
    readonly metricsPort?: number;
    readonly log: LogFormat;
    readonly json?: boolean;
  };

/** `serve MODEL... --port P`: answers clients until a signal stops it; SIGHUP reloads what changed. */
export function configure(command: Command, act: Act): void {
  const described = command
    .argument('[models...]', modelHelp)
    .option('--port <port>', 'listen on this port; 0 takes any free one', whole(0, 65_535), 8765)
    .option('--host <address>', 'listen on this address; 0.0.0.0 listens on all', '127.0.0.1')
    .option(
      '--name <name>',
      'name by which clients ask for a model; repeat it for several (default: its name in the file)',
      repeated,
    )
    .option('--data <data>', `${calibrationHelp}; repeat it for several models`, repeated)
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
    .option('--memory <size>', memoryHelp, byteSize)
    .addOption(
      new Option('--tls-cert <file>', 'PEM certificate; with it the address is wss:// instead of ws://').env(
        'RELUCTANT_TLS_CERT',
      ),
    )
    .addOption(
      new Option('--tls-key <file>', 'PEM key of the certificate; needed with --tls-cert').env(
        'RELUCTANT_TLS_KEY',
      ),
    )
    .addOption(
      new Option(
        '--tokens <file>',
        "serve only clients with a token of this file; each line is 'token' or 'name: token'",
      ).env('RELUCTANT_TOKENS'),
    )
    .option(
      '--rate <n>',
      'largest number of inferences that one client may begin per minute (default: no limit)',
      whole(1, 1_000_000),
    )
    .option('--ahead <n>', 'inferences that a client may prepare ahead', whole(1, 32), 4)
    .option(
      '--resume-seconds <n>',
      'keep what a client has prepared for this long after its connection broke; 0 keeps nothing',
      whole(0, 3600),
      60,
    )
    .option('--web', 'serve a page too, in which people ask with pictures of their own')
    .option(
      '--samples <data>',
      'with --web: show test images of this data set to everybody, to try (default: those of a zoo model)',
    )
    .option(
      '--origin <origin>',
      'let web pages of this origin use the server, such as https://example.org; repeat it for several ' +
        '(default: only its own page)',
      repeated,
    )
    .option(
      '--metrics-port <port>',
      'answer GET /metrics for Prometheus on this port of --host; 0 takes any free one. It may be the port of ' +
        '--port, where --tokens protects it',
      whole(0, 65_535),
    )
    .addOption(
      new Option('--log <format>', 'lines for people, or JSON lines for a log collector')
        .choices(logFormats)
        .default('text'),
    );
  describeFlags(configFlag(compileFlags(described), 'models')).action(act(run));
  examples(command, [
    'reluctant serve zoo:fashion-resnet8 --port 8765',
    [
      'on all addresses, encrypted, only for clients with a token',
      'reluctant serve reduced.onnx --data folder:my-images@32 --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --tokens tokens.txt',
    ],
    ['with a page for people, at http://127.0.0.1:8765', 'reluctant serve zoo:fashion-resnet8 --web'],
    [
      'two models, for which clients ask by name',
      'reluctant serve small.onnx large.onnx --name small --name large --data fashion-mnist-part',
    ],
    [
      'for clients whom you do not know: the label alone',
      'reluctant serve reduced.onnx --data fashion-mnist-part --answer label --rate 10',
    ],
    [
      'with the sign tests that circa chose',
      'reluctant serve reduced.onnx --data fashion-mnist-part --circa windows.json',
    ],
  ]);
}

async function run(context: Context, given: readonly string[], options: Options) {
  const hangups = new Hangups();
  try {
    return await serve(context, given, options, hangups);
  } finally {
    hangups.stop();
  }
}

async function serve(context: Context, given: readonly string[], options: Options, hangups: Hangups) {
  const models = given.length > 0 ? given : (options.models ?? []);
  if (models.length === 0) throw new UsageError('serve: give a model, or models in the file of --config');
  const { port, host, maxSessions, maxSessionsPerClient, idle, threads, memory, resumeSeconds } = options;
  const { tls, tokens } = await readSecrets(options);
  const origins = options.origin?.map(checkOrigin);
  // startServer checks this too, but only after half a minute of calibration.
  await checkAddress({ host, port });
  if (hasOwnMetricsPort(options)) await checkMetricsPort(host, options.metricsPort!);
  const load = (known: readonly LoadedModel[]) => loadModels(models, options, context, known);
  let loaded = await load([]);
  const log = await serverLog(context, options);
  const metrics = options.metricsPort === undefined ? undefined : await newMetrics();
  const scraped = hasOwnMetricsPort(options)
    ? await serveMetrics(host, options.metricsPort!, metrics!)
    : undefined;
  const answerHttp = await pageOf(options, () => loaded);
  const server = await startServer({
    ...{
      models: loaded,
      port,
      host,
      maxSessions,
      idleSeconds: idle,
      maxPrepared: options.ahead,
      resumeSeconds,
    },
    ...defined({ threads, memory, tls, tokens, maxSessionsPerClient, perMinute: options.rate }),
    ...defined({ origins, answerHttp, readMetrics: scraped ? undefined : metrics && (() => metrics.read()) }),
    onEvent: (event: ServerEvent) => {
      metrics?.record(event);
      log.event(event);
    },
  });
  context.staysUp();
  log.started({
    value: {
      url: server.url,
      metricsUrl: metrics && (scraped?.url ?? metricsUrl(server.url)),
      ...modelsValue(loaded),
    },
    text:
      `serving on ${server.url}\n${modelsText(loaded, server.url)}\n` +
      `${answerHttp === undefined ? '' : `a page for people: ${pageUrl(server.url)}\n`}Ctrl-C stops the server`,
  });
  const reload = async () => {
    const [next, secrets] = [await load(loaded), await readSecrets(options)];
    server.reload({ models: next, ...secrets });
    loaded = next;
    return { value: modelsValue(loaded), text: modelsText(loaded, server.url) };
  };
  hangups.take(() =>
    reload().then(
      (what) => log.reloaded(what),
      (error: Error) => log.keptAll(error),
    ),
  );
  await stopped(context.signal);
  hangups.stop();
  await server.close({ drainSeconds: options.drainSeconds });
  scraped?.close();
  return undefined;
}

/** Loads Prometheus' client, 83 modules, only where somebody reads the metrics. */
async function newMetrics(): Promise<Metrics> {
  const { createMetrics } = await import('../../../serving/metrics.ts');
  return createMetrics();
}

/** Metrics that have the port of the clients are among the server's own pages. */
function hasOwnMetricsPort({ port, metricsPort }: Options): boolean {
  return metricsPort !== undefined && (metricsPort !== port || port === 0);
}

/** The page, if there is one. Only a zoo model's data is shown unasked: the data of others is theirs. */
async function pageOf(
  { web, samples }: Options,
  loaded: () => readonly LoadedModel[],
): Promise<RequestListener | undefined> {
  if (samples !== undefined && web === undefined) throw new UsageError('--samples needs --web');
  if (web === undefined) return undefined;
  const data = samples ?? zooModel(loaded()[0]!.given)?.calibration;
  const models = () => askedTogether(loaded().map(({ name, plan }) => aboutModel(plan, name, name)));
  const shown = data === undefined ? [] : await samplesOf(data, models()[0]!.shape);
  return openSite(() => ({ models: models(), samples: shown }));
}

/** The files that hold secrets, checked before anything takes long. */
async function readSecrets(options: Options) {
  const tls = tlsOf(options);
  if (tls !== undefined) readCertificate(tls);
  const tokens = options.tokens === undefined ? undefined : await readTokens('--tokens', options.tokens);
  return defined({ tls, tokens });
}

function tlsOf({ tlsCert, tlsKey }: Options): CertificateFiles | undefined {
  if (tlsCert !== undefined && tlsKey !== undefined) return { cert: tlsCert, key: tlsKey };
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  throw new UsageError('TLS needs both --tls-cert and --tls-key: give the other one too');
}
