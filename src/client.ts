import { WebSocket } from 'ws';
import type { WorkerPool } from '../crypto/pool/pool.ts';
import { ThreadPool } from '../crypto/worker/thread-pool.ts';
import type { Shape } from '../models/tensor.ts';
import { maxMessageBytes as defaultMaxMessageBytes } from '../pipelines/cost/message-limits.ts';
import { openClientParty } from '../pipelines/inference/parties.ts';
import type { ClientOffline } from '../pipelines/inference/one-time.ts';
import { offlineClient } from '../pipelines/inference/offline.ts';
import { encodeInput, outsideRange } from '../pipelines/inference/encoding.ts';
import type { OutsideRange } from '../pipelines/inference/encoding.ts';
import { onlineClient } from '../pipelines/inference/online.ts';
import { wireOf } from '../pipelines/plan/plan.ts';
import type { Plan } from '../pipelines/plan/plan.ts';
import { profiles } from '../pipelines/cost/profiles.ts';
import type { NetworkProfile } from '../pipelines/cost/profiles.ts';
import { checkToken } from './net/access.ts';
import { slowedConnection } from './net/throttle.ts';
import { greetServer } from './net/handshake.ts';
import { grantSchema, notRefused, receiveJson } from './net/messages.ts';
import type { Limits } from './net/messages.ts';
import { retried } from './net/retry.ts';
import type { RetryOptions } from './net/retry.ts';
import { measured, requests } from './net/session.ts';
import type { PhaseCost } from './net/session.ts';
import { NodeSocket } from './net/node-socket.ts';
import { WebSocketChannel } from './net/web-socket-channel.ts';
import { tags } from '../crypto/channel/channel.ts';
import { defined } from './shared/defined.ts';
import { ConnectionError, RefusedError, UsageError } from './shared/errors.ts';
import { systemRng } from './shared/random.ts';
import type { Rng } from './shared/random.ts';

export type ConnectOptions = RetryOptions & {
  /** The hash of the only plan that is run, 64 hex digits (default: any plan). */
  readonly planHash?: string;
  /** The name of a model of the server (default: the one of `planHash`, else the server's first). */
  readonly model?: string;
  /** Seconds after which the session gives up on a silent server (default: 300). */
  readonly idleSeconds?: number;
  /** Threads for encryption (default: one per core). */
  readonly threads?: number;
  /** A pool of threads that the caller keeps open for several sessions; takes the place of `threads`. */
  readonly pool?: WorkerPool;
  /** The certificate authority to trust, as PEM, for a wss:// server with a self-signed certificate. */
  readonly ca?: string | Uint8Array;
  /** The token that a server with tokens asks for. Without TLS it goes over the wire in the clear. */
  readonly token?: string;
  /** Bytes of the largest message that is taken from the server (default: 1 GiB). */
  readonly maxMessageBytes?: number;
  /** For measurements: slows this end of the connection down to a network, both ways (default: no limits). */
  readonly profile?: NetworkProfile;
  readonly rng?: Rng;
};

export type InferenceResult = {
  /** The index of the largest logit. */
  readonly label: number;
  /** Missing if the plan's answer is the label alone. */
  readonly logits?: Float32Array;
  readonly offline: PhaseCost;
  /**
   * `rounds` counts the messages of the client that the server waits for and answers: the input, and one per
   * activation layer.
   */
  readonly online: PhaseCost & { readonly rounds: number };
  /**
   * The image's values outside the range of the images that calibrated the plan; the answer may be wrong
   * where there are any. Only the client knows.
   */
  readonly outsideRange?: OutsideRange;
};

export type Session = {
  /** The plan that the server runs. It is public. */
  readonly plan: Plan;
  /** What the server allows a client. */
  readonly limits: Limits;
  /** The shape [C, H, W] of the images that `infer` takes. */
  readonly inputShape: Shape;
  /**
   * Runs the offline phase of one more inference, before its image is known. Rejects with RefusedError when
   * the server's limits do not allow it now; the session then stays open, and what is prepared stays
   * prepared.
   */
  prepare(): Promise<void>;
  /**
   * Runs one private inference on an image of [C, H, W] floats. It runs the offline phase first when none is
   * prepared. Calls must not overlap. Rejects with RefusedError as `prepare` does.
   */
  infer(image: Float32Array): Promise<InferenceResult>;
  /** Wipes the keys and leaves the session. */
  close(): Promise<void>;
};

/**
 * Opens a session with a server at a ws:// or wss:// address. Rejects with UsageError for another address,
 * with ConnectionError when nobody answers there, with RefusedError when the server has no place now, and
 * with ProtocolError when the peer does not speak the protocol or runs another plan than `planHash`.
 */
export function connect(url: string, options: ConnectOptions = {}): Promise<Session> {
  return retried(options, () => openSession(url, options));
}

async function openSession(url: string, options: ConnectOptions): Promise<Session> {
  const { rng = systemRng, planHash, model } = options;
  const channel = await openChannel(url, options);
  let ownPool: WorkerPool | undefined;
  try {
    const { plan, limits } = await greetServer(channel, defined({ planHash, model }));
    const pool = options.pool ?? (ownPool = new ThreadPool(...definedOnly(options.threads)));
    const party = await openClientParty(channel, pool, rng);
    return new ClientSession({ channel, plan, limits, party, ownPool, options });
  } catch (error) {
    channel.close(asError(error));
    await ownPool?.close();
    throw error;
  }
}

function openChannel(url: string, options: ConnectOptions): Promise<WebSocketChannel> {
  const {
    ca,
    idleSeconds,
    token,
    maxMessageBytes = defaultMaxMessageBytes,
    profile = profiles.loopback,
  } = options;
  if (!/^wss?:\/\//.test(url)) throw new UsageError(`server: expected a ws:// or wss:// address, got ${url}`);
  const createConnection = slowedConnection(profile, url.startsWith('wss:'));
  const socket = new WebSocket(url, {
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handshakeTimeout: 20_000,
    ...defined({ createConnection }),
    ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
    ...(token !== undefined && { headers: { authorization: `Bearer ${checkToken(token, 'token')}` } }),
  });
  // The channel listens from the start, because the server's first message may come with its answer to the
  // upgrade.
  const channel = new WebSocketChannel(
    new NodeSocket(socket),
    idleSeconds === undefined ? {} : { idleSeconds },
  );
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => reject(new ConnectionError(`server ${url}: ${reasonOf(error)}`)));
    socket.once('open', () => resolve(channel));
  });
}

/**
 * The reason of a connection error. Errors of several addresses come as one AggregateError without a message.
 */
function reasonOf(error: Error): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : undefined;
  const message = (first ?? error).message || 'no connection';
  return message.endsWith('401') ? 'it serves only clients with a token (--token-file)' : message;
}

function definedOnly<T>(value: T | undefined): [T] | [] {
  return value === undefined ? [] : [value];
}

type Ready = { readonly offline: ClientOffline; readonly cost: PhaseCost };
type Party = Awaited<ReturnType<typeof openClientParty>>;

type Parts = {
  readonly channel: WebSocketChannel;
  readonly plan: Plan;
  readonly limits: Limits;
  readonly party: Party;
  readonly ownPool: WorkerPool | undefined;
  readonly options: RetryOptions;
};

class ClientSession implements Session {
  readonly plan: Plan;
  readonly limits: Limits;
  readonly inputShape: Shape;
  readonly #parts: Parts;
  readonly #ready: Ready[] = [];
  #requests = 0;
  #busy = false;

  constructor(parts: Parts) {
    this.plan = parts.plan;
    this.limits = parts.limits;
    this.inputShape = wireOf(parts.plan, parts.plan.input.wire).shape;
    this.#parts = parts;
  }

  async infer(image: Float32Array): Promise<InferenceResult> {
    encodeInput(this.plan, image); // A bad image is refused before it costs an offline phase.
    return this.#alone(async () => {
      if (this.#ready.length === 0) await this.#prepare();
      return this.#infer(this.#ready.shift()!, image);
    });
  }

  prepare(): Promise<void> {
    return this.#alone(() => this.#prepare());
  }

  async close(): Promise<void> {
    await this.#request('goodbye').catch(() => undefined);
    this.#parts.channel.close();
    this.#parts.party.close();
    await this.#parts.ownPool?.close();
  }

  /**
   * Runs one call alone: the frames of two calls must not mix. A call that fails ends the session, unless the
   * server only refused it.
   */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    if (this.#busy)
      throw new UsageError('session: expected one call at a time; wait for the call before to end');
    this.#busy = true;
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof RefusedError)) this.#parts.channel.close(asError(error));
      throw error;
    } finally {
      this.#busy = false;
    }
  }

  async #prepare(): Promise<void> {
    const { channel, party, options } = this.#parts;
    await retried(options, () => this.#ask(), this.limits.idleSeconds / 2);
    this.#ready.push(await measured(channel, 'client', (view) => offlineClient(view, this.plan, party)));
  }

  /** Asks the server for one more offline phase. */
  async #ask(): Promise<void> {
    await this.#request('prepare');
    const { channel } = this.#parts;
    notRefused(await receiveJson(channel, tags.grant, this.#requests, grantSchema));
  }

  async #infer({ offline, cost }: Ready, image: Float32Array): Promise<InferenceResult> {
    await this.#request('infer');
    const online = await measured(this.#parts.channel, 'client', (view) =>
      onlineClient(view, this.plan, offline, image),
    );
    const { label, logits } = online.answer;
    return {
      label,
      ...defined({ logits }),
      offline: cost,
      online: { ...online.cost, rounds: online.framesSent },
      ...defined({ outsideRange: outsideRange(this.plan, image) }),
    };
  }

  #request(name: keyof typeof requests): Promise<void> {
    return this.#parts.channel.send(tags.request, ++this.#requests, Uint8Array.of(requests[name]));
  }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
