import type { WorkerPool } from '../../../crypto/pool/pool.ts';
import { ClientSession } from '../../../src/asking/session.ts';
import { BrowserSocket } from '../../../src/browser/socket.ts';
import { connect } from '../../../src/client.ts';
import type { Session } from '../../../src/client.ts';
import { startServer } from '../../../src/server.ts';
import type { RunningServer, ServerEvent } from '../../../src/server.ts';
import { frameHeaderBytes } from '../../../crypto/channel/channel.ts';
import { WebSocketChannel } from '../../../src/net/web-socket-channel.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { systemRng } from '../../../src/shared/random.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';
import { isNear, meanAnswer } from './mean-answer.ts';
import type { Side } from './parties.ts';
import { startProxy } from './proxy.ts';
import type { Meddle } from './proxy.ts';

/**
 * Sessions over real sockets with a man in the middle, at a server that serves someone else all the while.
 */
export type LiveEdit = {
  readonly name: string;
  /** A run may end with a wrong answer, because nothing in the protocol can notice. */
  readonly harmless: boolean;
  readonly edit: (frame: Buffer) => readonly Uint8Array[];
};

const changed = (frame: Buffer, change: (copy: Buffer) => unknown): Buffer[] => {
  const copy = Buffer.from(frame);
  change(copy);
  return [copy];
};

export const liveEdits: readonly LiveEdit[] = [
  { name: 'first bit flipped', harmless: true, edit: (f) => changed(f, (c) => (c[frameHeaderBytes]! ^= 1)) },
  { name: 'all ones', harmless: true, edit: (f) => changed(f, (c) => c.fill(0xff, frameHeaderBytes)) },
  {
    name: 'length 2^32 - 1',
    harmless: false,
    edit: (f) => changed(f, (c) => c.writeUInt32LE(2 ** 32 - 1, 8)),
  },
  { name: 'another step', harmless: false, edit: (f) => changed(f, (c) => (c[4]! ^= 0x40)) },
  { name: 'half of it', harmless: false, edit: (f) => [f.subarray(0, f.length >> 1)] },
  { name: 'a byte more', harmless: false, edit: (f) => [Buffer.concat([f, Buffer.alloc(1)])] },
  { name: 'twice', harmless: false, edit: (f) => [f, f] },
  { name: 'after an empty one', harmless: false, edit: (f) => [Buffer.alloc(0), f] },
];

/** Opens a client's session. */
export type Visitor = (url: string, pool: WorkerPool) => Promise<Session>;

export const visitors = {
  Node: (url, pool) => connect(url, { pool }),
  /** A browser's socket and channel, over Node's WebSocket, which has the same interface. */
  browsers: (url, pool) =>
    ClientSession.open({
      ...{ rng: systemRng, ahead: 0, retry: {}, wanted: {}, pool: () => pool, ownsPool: false },
      open: async () => {
        const socket = new BrowserSocket(url);
        const channel = new WebSocketChannel(socket);
        await socket.opened;
        return channel;
      },
    }),
} as const satisfies Readonly<Record<string, Visitor>>;

type Parts = {
  readonly visitor: Visitor;
  readonly server: RunningServer;
  readonly bystander: Session;
  readonly pool: WorkerPool;
  readonly events: ServerEvent[];
  readonly wake: { now: () => void };
  readonly expected: readonly number[];
};

export class LiveTarget {
  readonly #parts: Parts;
  /** Tags of the messages of one inference to each side, in order. */
  readonly tagsTo: Readonly<Record<Side, number[]>> = { client: [], server: [] };

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  static async start(pool: WorkerPool, visitor: Visitor = visitors.Node): Promise<LiveTarget> {
    const events: ServerEvent[] = [];
    const wake = { now: () => undefined as void };
    const onEvent = (event: ServerEvent) => {
      events.push(event);
      wake.now();
    };
    const server = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1, onEvent });
    const bystander = await connect(server.url, { pool });
    const expected = await meanAnswer();
    const target = new LiveTarget({ visitor, server, bystander, pool, events, wake, expected });
    await target.#through((side, _, frame) => {
      target.tagsTo[side].push(frame[3]!);
      return [frame];
    });
    return target;
  }

  /** One session through the proxy; what is wrong with how the parties took it, a line each. */
  async attack(side: Side, at: number, { name, harmless, edit }: LiveEdit): Promise<string[]> {
    let met = false;
    const errors = await this.#through((to, count, frame) => {
      if (to !== side || count !== at) return [frame];
      met = true;
      return edit(frame);
    });
    const faults: string[] = [];
    const complain = (what: string) => faults.push(`message ${at} to the ${side}, ${name}: ${what}`);
    if (!met) complain('never sent');
    if (errors.length === 0 && !harmless) complain('nobody noticed');
    for (const error of errors) if (!(error instanceof ProtocolError)) complain(String(error));
    const { logits } = await this.#parts.bystander.infer(tinyImage());
    if (!isNear(logits!, this.#parts.expected))
      complain(`another session got a wrong answer, ${logits!.join(' ')}`);
    return faults;
  }

  /** A visit with a man in the middle; the errors that its two parties end with. */
  async #through(meddle: Meddle): Promise<Error[]> {
    const { server, events } = this.#parts;
    events.length = 0;
    const proxy = await startProxy(server.url, meddle);
    const errors = [await this.#visit(proxy.url), (await this.#closed()).error];
    proxy.close();
    return errors.filter((error) => error !== undefined);
  }

  async #visit(url: string): Promise<Error | undefined> {
    try {
      const session = await this.#parts.visitor(url, this.#parts.pool);
      await session.infer(tinyImage()).finally(() => session.close());
      return undefined;
    } catch (error) {
      return error instanceof Error ? error : new Error('thrown: no Error');
    }
  }

  async #closed(): Promise<Extract<ServerEvent, { kind: 'closed' }>> {
    const { events, wake } = this.#parts;
    for (;;) {
      const event = events.find((e) => e.kind === 'closed');
      if (event !== undefined) return event;
      await new Promise<void>((resolve) => (wake.now = resolve));
    }
  }

  async close(): Promise<void> {
    await this.#parts.bystander.close();
    await this.#parts.server.close();
  }
}
