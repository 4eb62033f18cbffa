import { WebSocket } from 'ws';
import { HePool } from '../crypto/he/pool.ts';
import { openClientParty } from '../pipelines/offline-parties.ts';
import { offlineClient } from '../pipelines/offline.ts';
import { encodeInput } from '../pipelines/online-values.ts';
import { onlineClient } from '../pipelines/online.ts';
import type { Plan } from '../pipelines/plan.ts';
import { greetServer } from './net/handshake.ts';
import { measured, requests } from './net/session.ts';
import type { PhaseCost } from './net/session.ts';
import { WebSocketChannel } from './net/web-socket-channel.ts';
import { tags } from './shared/channel.ts';
import { ProtocolError, UsageError } from './shared/errors.ts';
import { systemRng } from './shared/random.ts';
import type { Rng } from './shared/random.ts';

export type ConnectOptions = {
  /** 64 hex digits: no other plan is run. */
  readonly planHash?: string;
  /** Give up when the server is silent for longer; 300 where left out. */
  readonly idleSeconds?: number;
  /** Threads for encryption; one a core where left out. */
  readonly threads?: number;
  /** Threads that the caller keeps open for several sessions, in place of `threads`. */
  readonly pool?: HePool;
  /** PEM of a certificate authority, for wss:// with a certificate of one's own. */
  readonly ca?: string | Uint8Array;
  /** The largest message taken from the server, bytes; 1 GiB where left out. */
  readonly maxMessageBytes?: number;
  readonly rng?: Rng;
};

export type InferenceResult = {
  /** Index of the largest logit. */
  readonly label: number;
  readonly logits: Float32Array;
  readonly offline: PhaseCost;
  /** `rounds`: messages from the client that the server waits for, and answers: the input and one an activation layer. */
  readonly online: PhaseCost & { readonly rounds: number };
};

export type Session = {
  readonly plan: Plan;
  /** One private inference: fresh offline material, then the online phase. One at a time. `image`: [C, H, W] floats. */
  infer(image: Float32Array): Promise<InferenceResult>;
  /** Wipes the keys and leaves. */
  close(): Promise<void>;
};

/**
 * Opens a session with a server at ws:// or wss://. Rejects with ProtocolError when nobody answers there, when the peer does not
 * speak the protocol or runs another plan than `planHash`.
 */
export async function connect(url: string, options: ConnectOptions = {}): Promise<Session> {
  const { rng = systemRng } = options;
  const channel = await openChannel(url, options);
  let ownPool: HePool | undefined;
  try {
    const plan = await greetServer(channel, options.planHash);
    const pool = options.pool ?? (ownPool = new HePool(...definedOnly(options.threads)));
    const party = await openClientParty(channel, pool, rng);
    return new ClientSession(channel, plan, party, ownPool);
  } catch (error) {
    channel.close(error instanceof Error ? error : new Error(String(error)));
    await ownPool?.close();
    throw error;
  }
}

function openChannel(url: string, options: ConnectOptions): Promise<WebSocketChannel> {
  const { ca, idleSeconds, maxMessageBytes = 2 ** 30 } = options;
  if (!/^wss?:\/\//.test(url)) throw new UsageError(`server: expected a ws:// or wss:// address, got ${url}`);
  const socket = new WebSocket(url, {
    maxPayload: maxMessageBytes,
    perMessageDeflate: false,
    handshakeTimeout: 20_000,
    ...(ca === undefined ? {} : { ca: Buffer.from(ca) }),
  });
  // Listens from the start: the server's first message may come with its answer to the upgrade.
  const channel = new WebSocketChannel(socket, idleSeconds === undefined ? {} : { idleSeconds });
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => reject(new ProtocolError(`server ${url}: ${reasonOf(error)}`)));
    socket.once('open', () => resolve(channel));
  });
}

/** Connection errors to several addresses come as an AggregateError without a message. */
function reasonOf(error: Error): string {
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : undefined;
  return (first ?? error).message || 'no connection';
}

function definedOnly<T>(value: T | undefined): [T] | [] {
  return value === undefined ? [] : [value];
}

type Party = Awaited<ReturnType<typeof openClientParty>>;

class ClientSession implements Session {
  readonly plan: Plan;
  readonly #channel: WebSocketChannel;
  readonly #ownPool: HePool | undefined;
  readonly #party: Party;
  #inferences = 0;
  #busy = false;

  constructor(channel: WebSocketChannel, plan: Plan, party: Party, ownPool: HePool | undefined) {
    this.plan = plan;
    this.#channel = channel;
    this.#ownPool = ownPool;
    this.#party = party;
  }

  async infer(image: Float32Array): Promise<InferenceResult> {
    encodeInput(this.plan, image); // a bad image costs no offline phase
    if (this.#busy) throw new UsageError('session: one inference at a time');
    this.#busy = true;
    try {
      return await this.#infer(image);
    } catch (error) {
      this.#channel.close(error instanceof Error ? error : undefined);
      throw error;
    } finally {
      this.#busy = false;
    }
  }

  async #infer(image: Float32Array): Promise<InferenceResult> {
    const channel = this.#channel;
    await channel.send(tags.request, ++this.#inferences, Uint8Array.of(requests.infer));
    const { offline, cost } = await measured(channel, 'client', (view) =>
      offlineClient(view, this.plan, this.#party),
    );
    const online = await measured(channel, 'client', (view) => onlineClient(view, this.plan, offline, image));
    const { logits } = online;
    return {
      label: indexOfLargest(logits),
      logits,
      offline: cost,
      online: { ...online.cost, rounds: online.framesSent },
    };
  }

  async close(): Promise<void> {
    await this.#channel
      .send(tags.request, this.#inferences + 1, Uint8Array.of(requests.goodbye))
      .catch(() => undefined);
    this.#channel.close();
    this.#party.close();
    await this.#ownPool?.close();
  }
}

function indexOfLargest(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
}
