import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { ThreadPool } from '../crypto/worker/thread-pool.ts';
import { loadRing } from '../crypto/ring/kernels.ts';
import { warmUpServer } from '../crypto/steps/warm-up.ts';
import { largestPayloads } from '../pipelines/cost/bytes.ts';
import { serverCaches } from '../pipelines/inference/caches.ts';
import type { Plan } from '../pipelines/plan/plan.ts';
import type { ServerWeights } from '../pipelines/compile/quantise.ts';
import { Access } from './net/access.ts';
import type { AccessOptions } from './net/access.ts';
import { maxHeld } from './net/messages.ts';
import type { Limits } from './net/messages.ts';
import { readCertificate } from './net/certificate.ts';
import type { CertificateFiles } from './net/certificate.ts';
import { NodeSocket } from './net/node-socket.ts';
import { takesOrigin } from './net/origin.ts';
import type { Asking } from './net/origin.ts';
import { printable } from './net/printable.ts';
import { defaultLimits, messageLimit, WebSocketChannel } from './net/web-socket-channel.ts';
import type { ServerEvent } from './serving/events.ts';
import { SessionHost } from './serving/host.ts';
import { hostedModels } from './serving/models.ts';
import type { HostedModel, ServedModel } from './serving/models.ts';
import { statusPages } from './serving/status.ts';
import type { ServerStatus } from './serving/status.ts';
import { collectSeldom } from './shared/collect-seldom.ts';
import { defined } from './shared/defined.ts';
import { ProtocolError, UsageError } from './shared/errors.ts';
import { systemRng } from './shared/random.ts';
import type { Rng } from './shared/random.ts';

export type { ServerEvent } from './serving/events.ts';
export type { ServedModel } from './serving/models.ts';

/** The plan and the weights that `prepare` made of a model; or several models, by name. */
type Served =
  { readonly plan: Plan; readonly weights: ServerWeights } | { readonly models: readonly ServedModel[] };

export type ServerOptions = AccessOptions & Served & ServingOptions;

type ServingOptions = {
  /** The address to listen on (default: 127.0.0.1). */
  readonly host?: string;
  /** The port to listen on; 0 takes any free port (default: 0). */
  readonly port?: number;
  /** Sessions that may be open at the same time; others are refused (default: 16). */
  readonly maxSessions?: number;
  /**
   * Sessions that one client may have at the same time. A client is known by its token or address (default:
   * half of `maxSessions` if there are tokens, else all of them).
   */
  readonly maxSessionsPerClient?: number;
  /** Seconds that a client has to say which plan it wants (default: 10, or `idleSeconds` if that is less). */
  readonly handshakeSeconds?: number;
  /** Seconds after which a session that waits for its client is ended (default: 300). */
  readonly idleSeconds?: number;
  /** Inferences that a client may prepare ahead, at most 32 (default: 4). */
  readonly maxPrepared?: number;
  /**
   * Seconds for which a client that lost its connection may continue with what it has prepared; 0: it may not
   * (default: 60).
   */
  readonly resumeSeconds?: number;
  /** Threads for encryption (default: one per core). */
  readonly threads?: number;
  /**
   * Bytes of caches: transformed weights, of all sessions together, rows of transfers that are made before
   * they are used, of each session, and in each thread the indices of their code (default: 67, 73 and 16
   * MB). More keep more weights; fewer take longer and change no answer.
   */
  readonly memory?: number;
  /**
   * Paths of PEM files (default: no TLS). The secrets of the protocol need no TLS, but knowing who the peer
   * is does.
   */
  readonly tls?: CertificateFiles;
  /**
   * The web pages that may use the server, by their origins, such as https://example.org (default: only its
   * own pages, if `answerHttp` serves some).
   */
  readonly origins?: readonly string[];
  /**
   * Answers HTTP requests that are no WebSockets, such as those for a page (default: all with 426). A
   * `RequestListener` of node:http, which the public declarations do not name.
   */
  readonly answerHttp?: (request: never, response: never) => void;
  /**
   * What `GET /metrics` answers, and its media type; where there are tokens, to who shows one (default: there
   * is no such page).
   */
  readonly readMetrics?: () => Promise<{ readonly body: string; readonly type: string }>;
  readonly onEvent?: (event: ServerEvent) => void;
  readonly rng?: Rng;
};

/** What a running server may take in place of what it has. */
export type Reload = {
  readonly models?: readonly ServedModel[];
  readonly tokens?: AccessOptions['tokens'];
  readonly tls?: CertificateFiles;
};

export type RunningServer = {
  /** ws://host:port or wss://host:port */
  readonly url: string;
  /**
   * Takes other models, tokens or a renewed certificate: all of them, or none if one is wrong. Sessions that
   * are open go on with the model that they have, but a client whose token is gone prepares no more.
   */
  reload(next: Reload): void;
  /**
   * Stops listening and ends all sessions. Idle sessions end at once, others when their inference has been
   * answered, and all of them after `drainSeconds` (default: 0).
   */
  close(options?: { readonly drainSeconds?: number }): Promise<void>;
};

/**
 * Serves models to any number of clients. A failure in one session ends only that session. Rejects with
 * UsageError when it cannot listen on the address, and with PlanError when a layer's messages are too large
 * for its clients.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  collectSeldom();
  const models = hostedModels('models' in options ? options.models : [options]);
  const access = new Access(options);
  const limits = limitsOf(options);
  const http = httpServer(options, {
    isReady: () => sessions.isReady,
    models: () => sessions.models,
    mayKnow: (request) => clientOf(access, request) !== undefined,
    readMetrics: options.readMetrics,
  });
  const pool = new ThreadPool(...(options.threads === undefined ? [] : [options.threads]));
  const { rng = systemRng, handshakeSeconds = 10, maxSessions = 16, onEvent = () => undefined } = options;
  const ring = await loadRing();
  await warmUpServer(ring);
  const sessions = new SessionHost(models, access, {
    ...{ pool, ring, rng, handshakeSeconds, maxSessions, limits, onEvent },
    caches: serverCaches(options.memory, pool.threads),
    maxSessionsPerClient:
      options.maxSessionsPerClient ??
      (options.tokens === undefined ? maxSessions : Math.ceil(maxSessions / 2)),
  });
  const sockets = acceptSockets(http, sessions, access, options);
  // Last: the pages above need the sessions, and a client that comes before sockets are accepted would be
  // told that this is no server for clients.
  await listening(http, options).catch(async (error: unknown) => {
    await pool.close();
    throw error;
  });
  const { address, port, family } = http.address() as AddressInfo;
  const name = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `${options.tls === undefined ? 'ws' : 'wss'}://${name}:${port}`,
    reload: (next) => {
      // First all that may fail, so that a failure leaves everything as it was.
      const models = next.models && hostedModels(next.models);
      const largest = models && largestMessage(models);
      const certificate = next.tls && readCertificate(next.tls);
      if (certificate !== undefined && options.tls === undefined) {
        throw new UsageError('tls: this server began without TLS; start it anew');
      }
      if (next.tokens !== undefined) access.replaceTokens(next.tokens);
      if (certificate !== undefined) (http as HttpsServer).setSecureContext(certificate);
      if (models === undefined) return;
      sessions.models = models;
      // Never less: clients come back to sessions with the models before.
      sockets.options.maxPayload = Math.max(sockets.options.maxPayload!, largest!);
    },
    close: async ({ drainSeconds = 0 } = {}) => {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeIdleConnections();
      await sessions.drain(drainSeconds);
      sockets.close();
      http.closeAllConnections();
      await closed;
      await pool.close();
    },
  };
}

function acceptSockets(
  http: HttpServer,
  host: SessionHost,
  access: Access,
  { idleSeconds, origins = [], answerHttp }: ServingOptions,
): WebSocketServer {
  const sockets = new WebSocketServer({
    server: http,
    maxPayload: largestMessage(host.models),
    perMessageDeflate: false,
    verifyClient: ({ req }, answer) => {
      const isKnown = clientOf(access, req) !== undefined || mayShowTokenLater(req);
      if (!isKnown) host.refuse(req.socket.remoteAddress ?? '?', whyUnknown(req));
      answer(isKnown, 401, 'a token is needed');
    },
  });
  // Without a listener, a connection that could not be accepted would end the process and every session.
  sockets.on('error', () => undefined);
  sockets.on('connection', (socket, request) => {
    const channel = new WebSocketChannel(new NodeSocket(socket, request.socket), defined({ idleSeconds }));
    const address = request.socket.remoteAddress ?? '?';
    const { origin } = request.headers;
    if (takesOrigin(askingOf(request), origins, answerHttp !== undefined)) {
      void host.serve(channel, address, clientOf(access, request));
    } else {
      // A page could not read the reason if the upgrade failed.
      const reason = `pages of ${printable(origin ?? '')} may not use this server (--origin)`;
      host.refuse(address, reason);
      channel.close(new ProtocolError(reason));
    }
  });
  return sockets;
}

/** Pages cannot send headers. They show their token in their first message. */
function mayShowTokenLater({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined && headers.authorization === undefined;
}

function askingOf({ headers: { origin, host }, socket }: IncomingMessage): Asking {
  return { origin, host, isEncrypted: socket instanceof TLSSocket };
}

function whyUnknown({ headers }: IncomingMessage): string {
  return headers.authorization === undefined
    ? 'it shows no token'
    : 'it shows a token that this server does not know';
}

function largestMessage(models: readonly HostedModel[]): number {
  return messageLimit(Math.max(...models.map(({ plan }) => largestPayloads(plan).up)));
}

function limitsOf({ maxPrepared = 4, idleSeconds, resumeSeconds = 60, perMinute }: ServerOptions): Limits {
  if (maxPrepared > maxHeld) {
    throw new UsageError(`maxPrepared: expected at most ${maxHeld}, got ${maxPrepared}`);
  }
  return {
    prepared: maxPrepared,
    perMinute: perMinute ?? null,
    idleSeconds: idleSeconds ?? defaultLimits.idleSeconds,
    resumeSeconds,
  };
}

/** The client's name: that of its token, or its address. Undefined when it may not ask. */
function clientOf(access: Access, request: IncomingMessage): string | undefined {
  return access.admit(request.headers.authorization, request.socket.remoteAddress ?? '?');
}

/** Who only connects, without a request or without TLS's first messages, has as long as a silent client. */
function httpServer(
  { tls, answerHttp = notFound, handshakeSeconds = 10 }: ServingOptions,
  status: ServerStatus,
): HttpServer {
  const answer = statusPages(status, answerHttp as RequestListener);
  const milliseconds = 1000 * handshakeSeconds;
  const limits = { headersTimeout: milliseconds, connectionsCheckingInterval: milliseconds / 4 };
  if (tls === undefined) return createServer(limits, answer);
  const handshakeTimeout = milliseconds;
  return createTlsServer({ ...readCertificate(tls), ...limits, handshakeTimeout }, answer);
}

/** Answers plain HTTP requests, because only WebSockets are served. */
function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response
    .writeHead(426, { 'content-type': 'text/plain' })
    .end('This is a reluctant server: use its client.\n');
}

/** Rejects with UsageError where `startServer` could not listen. */
export async function checkAddress(address: Pick<ServingOptions, 'host' | 'port'>): Promise<void> {
  const probe = createServer();
  await listening(probe, address);
  await new Promise((resolve) => probe.close(resolve));
}

function listening(
  http: HttpServer,
  { host = '127.0.0.1', port = 0 }: Pick<ServingOptions, 'host' | 'port'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (error) =>
      reject(new UsageError(`cannot listen on ${host}:${port}: ${error.message}`)),
    );
    http.listen(port, host, resolve);
  });
}
