import { WebSocket } from 'ws';
import { defaultDepth, greatestDepth, leastDepth } from '../crypto/ot/blocks.ts';
import type { WorkerPool } from '../crypto/pool/pool.ts';
import { ThreadPool } from '../crypto/worker/thread-pool.ts';
import { largestFromServer } from '../pipelines/cost/bytes.ts';
import { profiles } from '../pipelines/cost/profiles.ts';
import type { NetworkProfile } from '../pipelines/cost/profiles.ts';
import { clientCaches } from '../pipelines/inference/caches.ts';
import { transferModes } from '../pipelines/inference/layer-transfers.ts';
import type { TransferMode } from '../pipelines/inference/layer-transfers.ts';
import { ClientSession } from './asking/session.ts';
import type { Session } from './asking/session.ts';
import { checkToken } from './net/token.ts';
import { NodeSocket } from './net/node-socket.ts';
import { connectionFailure } from './net/connection-failure.ts';
import { slowedConnection } from './net/throttle.ts';
import type { RetryOptions } from './net/retry.ts';
import { messageLimit, WebSocketChannel } from './net/web-socket-channel.ts';
import { collectSeldom } from './shared/collect-seldom.ts';
import { defined } from './shared/defined.ts';
import { UsageError } from './shared/errors.ts';
import { systemRng } from './shared/random.ts';
import type { Rng } from './shared/random.ts';

export type { BatchOptions, InferenceResult, Session } from './asking/session.ts';

export type ConnectOptions = RetryOptions & {
  /** The hash of the only plan that is run, 64 hex digits (default: any plan). */
  readonly planHash?: string;
  /** Inferences that are kept prepared in the background, as far as the server allows (default: 0). */
  readonly ahead?: number;
  /** The name of a model of the server (default: the one of `planHash`, else the server's first). */
  readonly model?: string;
  /** Seconds after which the session gives up on a silent server (default: 300). */
  readonly idleSeconds?: number;
  /** Threads for encryption (default: one per core). */
  readonly threads?: number;
  /**
   * Bytes of rows of transfers that are made before they are used, and in each thread of the indices of their
   * code (default: 73 and 16 MB). Fewer change no answer; one iteration of each direction, 11 MB, is made
   * whatever this is.
   */
  readonly memory?: number;
  /** A pool of threads that the caller keeps open for several sessions; takes the place of `threads`. */
  readonly pool?: WorkerPool;
  /** The certificate authority to trust, as PEM, for a wss:// server with a self-signed certificate. */
  readonly ca?: string | Uint8Array;
  /** The token that a server with tokens asks for. Without TLS it goes over the wire in the clear. */
  readonly token?: string;
  /** For measurements: slows this end of the connection down to a network, both ways (default: no limits). */
  readonly profile?: NetworkProfile;
  /** The network between the parties, which says how transfers are drawn (default: `profile`, or a LAN). */
  readonly network?: NetworkProfile;
  /**
   * The depth of the trees that transfers come from, 1 to 8: deeper trees send less and compute more
   * (default: what suits `network`, 4 or 5).
   */
  readonly transferDepth?: number;
  /**
   * What transfers come from: 'silent' ones, which take a twentieth of the bytes and rest on learning parity
   * with noise, 'softspoken' ones, or 'auto', in each direction what is done first over ten inferences on
   * `network` (default: auto).
   */
  readonly transfers?: TransferMode;
  /**
   * Gets the bytes of both directions that messages took since the last call, some times a second while there
   * are any.
   */
  readonly onTraffic?: (bytes: number) => void;
  readonly rng?: Rng;
};

/**
 * Opens a session with a server at a ws:// or wss:// address. Rejects with UsageError for another address or
 * for an option out of range, with ConnectionError when nobody answers there, with RefusedError when the
 * server has no place now, and with ProtocolError when the peer does not speak the protocol or runs another
 * plan than `planHash`.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Session> {
  if (!/^wss?:\/\//.test(url)) throw new UsageError(`server: expected a ws:// or wss:// address, got ${url}`);
  const { rng = systemRng, ahead = 0, planHash, model, profile, pool, threads, memory } = options;
  const { transferDepth, transfers, network = profile } = options;
  checkDepth(transferDepth);
  if (transfers !== undefined && !transferModes.includes(transfers)) {
    throw new UsageError(`transfers: expected ${transferModes.join(', ')}, got ${String(transfers)}`);
  }
  collectSeldom();
  return ClientSession.open({
    ...{
      rng,
      ahead,
      retry: options,
      caches: (threads) => clientCaches(memory, threads),
      wanted: defined({ planHash, model, transferDepth, transfers, profile: network }),
    },
    open: () => openChannel(url, options),
    pool: () => pool ?? new ThreadPool(...(threads === undefined ? [] : [threads])),
    ownsPool: pool === undefined,
  });
}

function checkDepth(depth: number = defaultDepth): void {
  if (Number.isInteger(depth) && depth >= leastDepth && depth <= greatestDepth) return;
  throw new UsageError(`transferDepth: expected ${leastDepth} to ${greatestDepth}, got ${depth}`);
}

function openChannel(url: string, options: ConnectOptions): Promise<WebSocketChannel> {
  const { ca, idleSeconds, token, profile = profiles.loopback } = options;
  const createConnection = slowedConnection(profile, url.startsWith('wss:'));
  const socket = new WebSocket(url, {
    maxPayload: messageLimit(largestFromServer),
    perMessageDeflate: false,
    handshakeTimeout: 20_000,
    ...defined({ createConnection }),
    ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
    ...(token !== undefined && { headers: { authorization: `Bearer ${checkToken(token, 'token')}` } }),
  });
  // The channel listens from the start, because the server's first message may come with its answer to the
  // upgrade.
  const channel = new WebSocketChannel(new NodeSocket(socket), defined({ idleSeconds }));
  if (options.onTraffic !== undefined) watchTraffic(socket, channel, options.onTraffic);
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => reject(connectionFailure(url, error, token !== undefined)));
    socket.once('open', () => resolve(channel));
  });
}

/** Milliseconds between two reports of traffic. */
const reportPause = 250;

function watchTraffic(socket: WebSocket, channel: WebSocketChannel, tell: (bytes: number) => void): void {
  let told = 0;
  const timer = setInterval(() => {
    const { sent, received } = channel.traffic;
    if (sent + received > told) tell(sent + received - told);
    told = sent + received;
  }, reportPause);
  timer.unref();
  socket.once('close', () => clearInterval(timer));
}
