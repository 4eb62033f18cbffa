import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, Server as HttpServer, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { WorkerPool } from '../crypto/pool/pool.ts';
import { ThreadPool } from '../crypto/worker/thread-pool.ts';
import { loadRing } from '../crypto/ring/kernels.ts';
import type { Ring } from '../crypto/ring/kernels.ts';
import { warmUpServer } from '../crypto/steps/warm-up.ts';
import { largestPayloads } from '../pipelines/cost/bytes.ts';
import { checkMessages } from '../pipelines/cost/message-limits.ts';
import { openServerParty } from '../pipelines/inference/parties.ts';
import type { ServerOffline } from '../pipelines/inference/one-time.ts';
import { offlineServer } from '../pipelines/inference/offline.ts';
import { onlineServer } from '../pipelines/inference/online.ts';
import type { Plan } from '../pipelines/plan/plan.ts';
import type { ServerWeights } from '../pipelines/compile/quantise.ts';
import { Access } from './net/access.ts';
import type { AccessOptions } from './net/access.ts';
import { greetClient, offerOf, refuseClient } from './net/handshake.ts';
import type { Offer } from './net/handshake.ts';
import { sendJson } from './net/messages.ts';
import type { Grant, Refusal } from './net/messages.ts';
import { measured, requests } from './net/session.ts';
import type { PhaseCost } from './net/session.ts';
import { NodeSocket } from './net/node-socket.ts';
import { defaultLimits, messageLimit, WebSocketChannel } from './net/web-socket-channel.ts';
import { tags } from '../crypto/channel/channel.ts';
import type { Channel } from '../crypto/channel/channel.ts';
import { defined } from './shared/defined.ts';
import { ProtocolError, UsageError } from './shared/errors.ts';
import * as format from './shared/format.ts';
import { systemRng } from './shared/random.ts';
import type { Rng } from './shared/random.ts';

export type ServerOptions = AccessOptions & {
  /** The plan and the weights that `prepare` made of a model. */
  readonly plan: Plan;
  readonly weights: ServerWeights;
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
  /** Inferences that a client may prepare ahead (default: 4). */
  readonly maxPrepared?: number;
  /** Bytes of the largest message that clients take (default: 1 GiB, as on their side). */
  readonly maxMessageBytes?: number;
  /** Threads for encryption (default: one per core). */
  readonly threads?: number;
  /**
   * Paths of PEM files (default: no TLS). The secrets of the protocol need no TLS, but knowing who the peer
   * is does.
   */
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly onEvent?: (event: ServerEvent) => void;
  readonly rng?: Rng;
};

/** `peer` is the client's name: that of its token, or its address where there are no tokens. */
export type ServerEvent =
  | { readonly kind: 'opened'; readonly session: number; readonly peer: string }
  /** No session began. */
  | { readonly kind: 'refused'; readonly peer: string; readonly reason: string }
  /** A request was refused, and the session goes on. */
  | { readonly kind: 'limited'; readonly session: number; readonly peer: string; readonly reason: string }
  | {
      readonly kind: 'inference';
      readonly session: number;
      readonly peer: string;
      readonly offline: PhaseCost;
      readonly online: PhaseCost;
    }
  | { readonly kind: 'closed'; readonly session: number; readonly peer: string; readonly error?: Error };

export type RunningServer = {
  /** ws://host:port or wss://host:port */
  readonly url: string;
  /**
   * Stops listening and ends all sessions. Idle sessions end at once, others when their inference has been
   * answered, and all of them after `drainSeconds` (default: 0).
   */
  close(options?: { readonly drainSeconds?: number }): Promise<void>;
};

/**
 * Serves a plan to any number of clients. A failure in one session ends only that session. Rejects with
 * UsageError when it cannot listen on the address, and with PlanError when a layer's messages are too large
 * for its clients.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  checkMessages(options.plan, options.maxMessageBytes);
  const access = new Access(options);
  const pool = new ThreadPool(...(options.threads === undefined ? [] : [options.threads]));
  const http = httpServer(options);
  try {
    await listening(http, options);
  } catch (error) {
    await pool.close();
    throw error;
  }
  const ring = await loadRing();
  warmUpServer(ring);
  const host = new SessionHost(options, access, pool, ring);
  const sockets = new WebSocketServer({
    server: http,
    maxPayload: messageLimit(largestPayloads(options.plan).up),
    perMessageDeflate: false,
    verifyClient: ({ req }, answer) => {
      const isKnown = clientOf(access, req) !== undefined;
      if (!isKnown) host.refuse(req.socket.remoteAddress ?? '?', 'no token that this server knows');
      answer(isKnown, 401, 'a token is needed');
    },
  });
  // Without a listener, a connection that could not be accepted would end the process and every session.
  sockets.on('error', () => undefined);
  sockets.on('connection', (socket, request) => void host.serve(socket, clientOf(access, request)!));
  const { address, port, family } = http.address() as AddressInfo;
  const name = family === 'IPv6' ? `[${address}]` : address;
  return {
    url: `${options.tls === undefined ? 'ws' : 'wss'}://${name}:${port}`,
    close: async ({ drainSeconds = 0 } = {}) => {
      const closed = new Promise((resolve) => http.close(resolve));
      http.closeIdleConnections();
      await host.drain(drainSeconds);
      sockets.close();
      http.closeAllConnections();
      await closed;
      await pool.close();
    },
  };
}

/** The client's name: that of its token, or its address. Undefined when it may not ask. */
function clientOf(access: Access, request: IncomingMessage): string | undefined {
  return access.admit(request.headers.authorization, request.socket.remoteAddress ?? '?');
}

function httpServer({ tls }: ServerOptions): HttpServer {
  if (tls === undefined) return createServer(notFound);
  return createTlsServer({ cert: readFileSync(tls.cert), key: readFileSync(tls.key) }, notFound);
}

/** Answers plain HTTP requests, because only WebSockets are served. */
function notFound(_request: IncomingMessage, response: ServerResponse): void {
  response
    .writeHead(426, { 'content-type': 'text/plain' })
    .end('This is a reluctant server: use its client.\n');
}

/** Rejects with UsageError where `startServer` could not listen. */
export async function checkAddress(address: Pick<ServerOptions, 'host' | 'port'>): Promise<void> {
  const probe = createServer();
  await listening(probe, address);
  await new Promise((resolve) => probe.close(resolve));
}

function listening(
  http: HttpServer,
  { host = '127.0.0.1', port = 0 }: Pick<ServerOptions, 'host' | 'port'>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (error) =>
      reject(new UsageError(`cannot listen on ${host}:${port}: ${error.message}`)),
    );
    http.listen(port, host, resolve);
  });
}

let servers = 0;

/** Seconds after which a client may ask again for a place; nobody can know when one gets free. */
const secondsForPlace = 2;

/** A session that has begun. */
type Open = {
  readonly channel: WebSocketChannel;
  readonly peer: string;
  /** A request is being answered, or an inference is prepared and not yet asked for. */
  isUnderWay: boolean;
};

const shuttingDown = 'the server is shutting down';

/** The sessions of a server. */
class SessionHost {
  readonly #options: ServerOptions;
  readonly #access: Access;
  readonly #pool: WorkerPool;
  readonly #ring: Ring;
  readonly #open = new Map<Open, Promise<void>>();
  readonly #offer: Offer;
  readonly #weightsName = `server ${servers++}`;
  #count = 0;
  #isDraining = false;

  constructor(options: ServerOptions, access: Access, pool: WorkerPool, ring: Ring) {
    this.#options = options;
    this.#offer = offerOf(options.plan);
    this.#access = access;
    this.#pool = pool;
    this.#ring = ring;
  }

  /** Serves one connection from its first to its last byte. It never rejects. */
  async serve(socket: WebSocket, peer: string): Promise<void> {
    const channel = new WebSocketChannel(
      new NodeSocket(socket),
      defined({ idleSeconds: this.#options.idleSeconds }),
    );
    const refusal = this.#placeRefusal(peer);
    if (refusal !== undefined) {
      this.refuse(peer, refusal.refused);
      await refuseClient(channel, refusal).catch(() => undefined);
      channel.close();
      return;
    }
    const session = ++this.#count;
    this.#tell({ kind: 'opened', session, peer });
    const open: Open = { channel, peer, isUnderWay: false };
    const running = this.#run(open, session);
    this.#open.set(open, running);
    await running;
    this.#open.delete(open);
  }

  refuse(peer: string, reason: string): void {
    this.#tell({ kind: 'refused', peer, reason });
  }

  /** Lets sessions end what they began, for at most so long. */
  async drain(seconds: number): Promise<void> {
    this.#isDraining = true;
    for (const { channel, isUnderWay } of this.#open.keys()) {
      if (!isUnderWay || seconds === 0) channel.close(new ProtocolError(shuttingDown));
    }
    const deadline = setTimeout(() => {
      for (const { channel } of this.#open.keys()) channel.close(new ProtocolError(shuttingDown));
    }, seconds * 1000);
    await Promise.all(this.#open.values());
    clearTimeout(deadline);
  }

  #placeRefusal(peer: string): Refusal | undefined {
    const { maxSessions = 16, tokens } = this.#options;
    const { maxSessionsPerClient = tokens === undefined ? maxSessions : Math.ceil(maxSessions / 2) } =
      this.#options;
    if (this.#isDraining) return { refused: shuttingDown, retryAfter: secondsForPlace };
    if (this.#open.size >= maxSessions) {
      const refused = `the server is busy: it has ${maxSessions} sessions; try again later`;
      return { refused, retryAfter: secondsForPlace };
    }
    const own = [...this.#open.keys()].filter((open) => open.peer === peer).length;
    if (own < maxSessionsPerClient) return undefined;
    const refused = `this client has ${own} sessions, the most that one may have; close one of them first`;
    return { refused, retryAfter: secondsForPlace };
  }

  async #run(open: Open, session: number): Promise<void> {
    const { channel, peer } = open;
    try {
      await this.#converse(open, session);
      channel.close();
      this.#tell({ kind: 'closed', session, peer });
    } catch (error) {
      const reason = error instanceof Error ? error : new Error(String(error));
      channel.close(reason);
      this.#tell({ kind: 'closed', session, peer, error: reason });
    }
  }

  async #converse(open: Open, session: number): Promise<void> {
    const { channel, peer } = open;
    const { weights, rng = systemRng, idleSeconds = defaultLimits.idleSeconds } = this.#options;
    const { handshakeSeconds = 10, maxPrepared = 4, perMinute = null } = this.#options;
    channel.patience = Math.min(idleSeconds, handshakeSeconds);
    const limits = { prepared: maxPrepared, perMinute, idleSeconds };
    const { plan } = await greetClient(channel, [this.#offer], limits);
    channel.patience = undefined;
    const party = await openServerParty(channel, this.#pool, this.#weightsName, rng);
    const ready: Prepared[] = [];
    for (let count = 1; ; count++) {
      if (this.#isDraining && ready.length === 0) throw new ProtocolError(shuttingDown);
      open.isUnderWay = ready.length > 0;
      const request = await nextRequest(channel, count, ready.length);
      if (request === requests.goodbye) return;
      open.isUnderWay = true;
      if (request === requests.prepare) {
        if (this.#isDraining) throw new ProtocolError(shuttingDown);
        const refusal = this.#prepareRefusal(peer, ready.length, maxPrepared);
        const answer: Grant = refusal ?? { granted: true };
        await sendJson(channel, tags.grant, count, answer);
        if (refusal !== undefined) this.#tell({ kind: 'limited', session, peer, reason: refusal.refused });
        else
          ready.push(await measured(channel, 'server', (view) => offlineServer(view, plan, weights, party)));
      } else {
        const { offline, cost } = ready.shift()!;
        const online = await measured(channel, 'server', (view) =>
          onlineServer(view, plan, weights, offline, this.#ring),
        );
        this.#tell({ kind: 'inference', session, peer, offline: cost, online: online.cost });
      }
    }
  }

  #prepareRefusal(peer: string, prepared: number, maxPrepared: number): Refusal | undefined {
    if (prepared >= maxPrepared) {
      const refused = `${prepared} inferences are prepared already, the most allowed; use one of them first`;
      return { refused, retryAfter: null };
    }
    const retryAfter = this.#access.begin(peer, performance.now());
    if (retryAfter === 0) return undefined;
    const refused =
      `one client may begin ${this.#options.perMinute} inferences a minute; ` +
      `try again in ${format.duration(retryAfter)}`;
    return { refused, retryAfter };
  }

  /** Reports an event. A listener that throws must not harm a session. */
  #tell(event: ServerEvent): void {
    try {
      this.#options.onEvent?.(event);
    } catch {
      // The listener's failure is its own.
    }
  }
}

type Prepared = { readonly offline: ServerOffline; readonly cost: PhaseCost };
type Request = (typeof requests)[keyof typeof requests];

/** The client's next request. Throws ProtocolError when what is prepared does not allow it. */
async function nextRequest(channel: Channel, count: number, prepared: number): Promise<Request> {
  const request = (await channel.receive(tags.request, count, 1))[0]!;
  if (!isRequest(request)) throw new ProtocolError(`request ${count}: expected 0, 1 or 2, got ${request}`);
  if (request === requests.infer && prepared === 0) {
    throw new ProtocolError(
      `request ${count}: expected an offline phase before an inference, got the inference`,
    );
  }
  return request;
}

function isRequest(value: number): value is Request {
  return (Object.values(requests) as number[]).includes(value);
}
