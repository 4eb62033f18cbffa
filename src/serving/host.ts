import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { FairPool } from '../../crypto/pool/fair-pool.ts';
import type { WorkerPool } from '../../crypto/pool/pool.ts';
import type { Ring } from '../../crypto/ring/kernels.ts';
import type { Caches } from '../../pipelines/inference/caches.ts';
import { offlineServer } from '../../pipelines/inference/offline.ts';
import type { ServerOffline } from '../../pipelines/inference/one-time.ts';
import { onlineServer } from '../../pipelines/inference/online.ts';
import { openServerParty } from '../../pipelines/inference/parties.ts';
import { tags } from '../../crypto/channel/channel.ts';
import { abreast } from '../../crypto/channel/abreast.ts';
import type { SharedChannel } from '../../crypto/channel/channel.ts';
import { chosenOffer, greetClient, refuseClient } from '../net/handshake.ts';
import { sendJson } from '../net/messages.ts';
import type { Grant, Hello, Limits, Refusal } from '../net/messages.ts';
import { measured, receiveRequest } from '../net/session.ts';
import type { PhaseCost } from '../net/session.ts';
import type { Access } from '../net/access.ts';
import { asError, ConnectionError, ProtocolError } from '../shared/errors.ts';
import * as format from '../shared/format.ts';
import type { Rng } from '../shared/random.ts';
import type { ServerEvent } from './events.ts';
import type { HostedModel } from './models.ts';
import { Parking } from './parking.ts';
import { Phases } from './phases.ts';

/** The server's end of a connection. */
export type HostChannel = SharedChannel & { patience: number | undefined };

export type HostOptions = {
  readonly pool: WorkerPool;
  readonly ring: Ring;
  readonly rng: Rng;
  readonly maxSessions: number;
  readonly maxSessionsPerClient: number;
  readonly handshakeSeconds: number;
  readonly caches: Caches;
  readonly limits: Limits;
  readonly onEvent: (event: ServerEvent) => void;
};

/** An inference that a client has prepared and not yet asked for. */
type Prepared = { readonly offline: ServerOffline; readonly cost: PhaseCost };

/** A session, through all its connections. */
type Session = {
  readonly ticket: string;
  readonly model: HostedModel;
  /** By number, oldest first. Each is removed before its use: never twice, whatever breaks. */
  readonly ready: Map<number, Prepared>;
  /** Those whose offline phase runs or waits for its turn. */
  readonly preparing: Map<number, Promise<Prepared>>;
  nextNumber: number;
};

/** A connection on which a session runs. */
type Open = {
  readonly number: number;
  readonly channel: HostChannel;
  /** The client's name; `unnamedPage` until it has shown its token. */
  peer: string;
  readonly address: string;
  readonly ended: PromiseWithResolvers<void>;
  session: Session | undefined;
  readonly phases: Phases;
};

/** Seconds after which a client may ask again for a place; nobody can know when one gets free. */
const secondsForPlace = 2;

/**
 * Refusals in a row that are answered at once. Before each further one the client's requests wait so many
 * milliseconds: 20,000 requests in one go kept the event loop for seconds, and each is a line of the log.
 */
const promptRefusals = 10;
const refusalPause = 100;

/** Pages that have not yet shown a token count as one client: they cannot take all places. */
const unnamedPage = 'a page that has not shown its token';

const shuttingDown = 'the server is shutting down';

/** The sessions of a server. A failure in one ends only that one. */
export class SessionHost {
  models: readonly HostedModel[];
  readonly #access: Access;
  readonly #options: HostOptions;
  readonly #open = new Set<Open>();
  readonly #parking: Parking<Session>;
  readonly #pool: FairPool;
  #count = 0;
  #isDraining = false;

  constructor(models: readonly HostedModel[], access: Access, options: HostOptions) {
    this.models = models;
    this.#access = access;
    this.#options = options;
    this.#pool = new FairPool(options.pool);
    const { limits, maxSessions, maxSessionsPerClient } = options;
    this.#parking = new Parking(limits.resumeSeconds, { all: maxSessions, ofOne: maxSessionsPerClient });
  }

  /**
   * Serves one connection from its first to its last byte. A client without a name shows its token in its
   * first message. It never rejects.
   */
  async serve(channel: HostChannel, address: string, name?: string): Promise<void> {
    const peer = name ?? unnamedPage;
    const refusal = this.#placeRefusal(peer);
    if (refusal !== undefined) {
      this.refuse(peer, refusal.refused);
      await refuseClient(channel, refusal).catch(() => undefined);
      channel.close();
      return;
    }
    const number = ++this.#count;
    const ended = Promise.withResolvers<void>();
    const phases = new Phases(channel, () => this.#leaveIfDraining(open));
    const open: Open = { number, channel, peer, address, ended, session: undefined, phases };
    this.#open.add(open);
    if (name !== undefined) this.#tell({ kind: 'opened', session: number, peer });
    await this.#run(open);
    this.#open.delete(open);
    ended.resolve();
  }

  /** Whether new clients may come. */
  get isReady(): boolean {
    return !this.#isDraining;
  }

  refuse(peer: string, reason: string): void {
    this.#tell({ kind: 'refused', peer, reason });
  }

  /** Lets sessions end what they began, for at most so long. */
  async drain(seconds: number): Promise<void> {
    this.#isDraining = true;
    this.#parking.clear();
    for (const open of this.#open) {
      if (seconds === 0) open.channel.close(new ProtocolError(shuttingDown));
      else this.#leaveIfDraining(open);
    }
    const deadline = setTimeout(() => {
      for (const { channel } of this.#open) channel.close(new ProtocolError(shuttingDown));
    }, seconds * 1000);
    await Promise.all([...this.#open].map(({ ended }) => ended.promise));
    clearTimeout(deadline);
  }

  /** Ends a connection on which nothing runs and nothing is prepared, if the server is to end. */
  #leaveIfDraining({ channel, session, phases }: Open): void {
    const isUnderWay = !phases.isIdle || (session !== undefined && session.ready.size > 0);
    if (this.#isDraining && !isUnderWay) channel.close(new ProtocolError(shuttingDown));
  }

  #placeRefusal(peer: string): Refusal | undefined {
    const { maxSessions } = this.#options;
    if (this.#isDraining) return { refused: shuttingDown, retryAfter: secondsForPlace };
    if (this.#open.size >= maxSessions) {
      const refused = `the server is busy: it has ${maxSessions} sessions; try again later`;
      return { refused, retryAfter: secondsForPlace };
    }
    const refused = this.#clientRefusal(peer);
    return refused === undefined ? undefined : { refused, retryAfter: secondsForPlace };
  }

  #clientRefusal(peer: string): string | undefined {
    const own = [...this.#open].filter((open) => open.peer === peer).length;
    if (own < this.#options.maxSessionsPerClient) return undefined;
    return `this client has ${own} sessions, the most that one may have; close one of them first`;
  }

  async #run(open: Open): Promise<void> {
    const { channel, phases } = open;
    try {
      await this.#converse(open);
      channel.close();
      await phases.ended();
      this.#closed(open, 0);
    } catch (error) {
      const reason = asError(error);
      channel.close(reason);
      await phases.ended();
      this.#closed(open, this.#park(open, reason), reason);
    }
  }

  /**
   * Keeps what a client has prepared if it lost only its connection. What was being prepared is lost. Returns
   * how many inferences are kept.
   */
  #park({ session, peer }: Open, reason: Error): number {
    session?.preparing.clear();
    const isLost = reason instanceof ConnectionError && this.#options.limits.resumeSeconds > 0;
    if (!isLost || this.#isDraining || session === undefined || session.ready.size === 0) return 0;
    return this.#parking.park(session.ticket, { peer, session }) ? session.ready.size : 0;
  }

  #closed({ number, peer, address, session }: Open, kept: number, error?: Error): void {
    if (peer === unnamedPage) return this.refuse(address, error?.message ?? 'it left');
    const model = session === undefined ? {} : nameOf(session);
    this.#tell({ kind: 'closed', session: number, peer, kept, ...model, ...(error && { error }) });
  }

  async #converse(open: Open): Promise<void> {
    const { channel, phases } = open;
    const { rng, limits, handshakeSeconds, caches } = this.#options;
    channel.patience = Math.min(limits.idleSeconds, handshakeSeconds);
    const { transfers } = await greetClient(channel, async (hello) => {
      const opening = await this.#opening(open, hello);
      // From here on it is a client like any other: to receive and read a large plan may take it minutes.
      channel.patience = undefined;
      return opening;
    });
    const session = open.session!;
    const party = await openServerParty(
      channel,
      this.#pool.of(open.peer),
      session.model.plan,
      session.model.weightsName,
      rng,
      transfers,
      caches,
    );
    // Requests come beside the phases that run. This holds to the end of the connection.
    channel.open('session');
    this.#leaveIfDraining(open);
    let refused = 0;
    for (let count = 1; ; count++) {
      const request = await receiveRequest(channel, count);
      if (request.kind === 'goodbye') return;
      if (request.kind === 'infer') {
        // One after the other: else a client could let many answers wait, and prepare more and more.
        await phases.endedOf('online');
        this.#infer(open, session, request.numbers, count);
      } else refused = (await this.#prepare(open, session, party, count)) ? 0 : refused + 1;
      if (refused >= promptRefusals) await pause(refusalPause);
    }
  }

  /** The session that the client continues, or a new one. */
  async #opening(open: Open, hello: Hello) {
    if (open.peer === unnamedPage) this.#name(open, hello);
    const before = await this.#resumable(open, hello);
    const model = chosenOffer(before === undefined ? this.models : [before.model], hello);
    const ticket = before?.ticket ?? randomBytes(32).toString('hex');
    const session = before ?? newSession(ticket, model);
    open.session = session;
    const held = new Set(hello.held);
    for (const number of session.ready.keys()) if (!held.has(number)) session.ready.delete(number);
    const kept = [...session.ready.keys()];
    if (before !== undefined) this.#tell({ kind: 'resumed', prepared: kept.length, ...about(open, session) });
    return { offer: model, terms: { limits: this.#options.limits, ticket, kept } };
  }

  /** Finds out whose page this is. */
  #name(open: Open, { token }: Hello): void {
    const name = this.#access.admitToken(token, open.address);
    if (name === undefined) {
      const shown = token === undefined ? 'a token is needed' : 'this server does not know this token';
      throw new ProtocolError(shown);
    }
    const refusal = this.#clientRefusal(name);
    if (refusal !== undefined) throw new ProtocolError(refusal);
    open.peer = name;
    this.#tell({ kind: 'opened', session: open.number, peer: name });
  }

  async #resumable({ peer }: Open, { ticket }: Hello): Promise<Session | undefined> {
    if (ticket === undefined || this.#isDraining) return undefined;
    // The server may not have noticed yet that the connection before is lost.
    const before = [...this.#open].find((open) => open.session?.ticket === ticket && open.peer === peer);
    before?.channel.close(new ConnectionError('the client continues over another connection'));
    await before?.ended.promise;
    return this.#parking.take(ticket, peer);
  }

  /** Whether it was granted. */
  async #prepare(open: Open, session: Session, party: ServerParty, count: number): Promise<boolean> {
    const { channel, peer, phases } = open;
    if (this.#isDraining) throw new ProtocolError(shuttingDown);
    if (!this.#access.knows(peer)) throw new ProtocolError("this client's token is no longer known");
    const { ready, preparing } = session;
    const refusal = this.#prepareRefusal(peer, ready.size + preparing.size);
    const number = session.nextNumber;
    await sendJson(channel, tags.grant, count, (refusal ?? { granted: number }) satisfies Grant);
    if (refusal !== undefined) {
      this.#tell({ kind: 'limited', reason: refusal.refused, ...about(open, session) });
      return false;
    }
    session.nextNumber++;
    const { plan, weights } = session.model;
    const offline = phases.start('offline', async () => {
      const prepared = await measured(channel, 'server', (view) => offlineServer(view, plan, weights, party));
      // It is gone if it has been asked for already.
      if (preparing.delete(number)) ready.set(number, prepared);
      this.#tell({ kind: 'prepared', offline: prepared.cost, ...about(open, session) });
      return prepared;
    });
    preparing.set(number, offline);
    return true;
  }

  #prepareRefusal(peer: string, prepared: number): Refusal | undefined {
    const { limits } = this.#options;
    if (prepared >= limits.prepared) {
      const refused = `${prepared} inferences are prepared already, the most allowed; use one of them first`;
      return { refused, retryAfter: null };
    }
    const retryAfter = this.#access.begin(peer, performance.now());
    if (retryAfter === 0) return undefined;
    const refused =
      `one client may begin ${limits.perMinute} inferences a minute; ` +
      `try again in ${format.duration(retryAfter)}`;
    return { refused, retryAfter };
  }

  /** Each inference is taken before anything is sent or received for it. */
  #infer(open: Open, session: Session, numbers: readonly number[], count: number): void {
    const taken = numbers.map((number) => takenFrom(session, number, count));
    const { plan, weights } = session.model;
    void open.phases.start('online', async () => {
      const all = await Promise.all(taken);
      const views = abreast(open.channel, all.length);
      const answer = async ({ offline, cost }: Prepared, i: number) => {
        const { cost: online } = await views[i]!.run((channel) =>
          measured(channel, 'server', (view) =>
            onlineServer(view, plan, weights, offline, this.#options.ring),
          ),
        );
        this.#tell({ kind: 'inference', offline: cost, online, ...about(open, session) });
      };
      await Promise.all(all.map(answer));
    });
  }

  /** Reports an event. A listener that throws must not harm a session. */
  #tell(event: ServerEvent): void {
    try {
      this.#options.onEvent(event);
    } catch {
      // The listener's failure is its own.
    }
  }
}

function newSession(ticket: string, model: HostedModel): Session {
  return { ticket, model, ready: new Map(), preparing: new Map(), nextNumber: 1 };
}

/** Removes an inference from those that are prepared, or are being so. */
function takenFrom({ ready, preparing }: Session, number: number, count: number): Promise<Prepared> {
  const prepared = ready.get(number) ?? preparing.get(number);
  if (prepared === undefined) {
    throw new ProtocolError(`request ${count}: inference ${number} is not prepared, or was used before`);
  }
  ready.delete(number);
  preparing.delete(number);
  return Promise.resolve(prepared);
}

type ServerParty = Awaited<ReturnType<typeof openServerParty>>;

function nameOf({ model: { name, hash } }: Session) {
  return { model: name, plan: hash };
}

function about({ number, peer }: Open, session: Session) {
  return { session: number, peer, ...nameOf(session) };
}
