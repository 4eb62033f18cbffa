import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import type { WorkerPool } from '../../../crypto/pool/pool.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { ClientSession } from '../../../src/asking/session.ts';
import { NodeSocket } from '../../../src/net/node-socket.ts';
import { WebSocketChannel } from '../../../src/net/web-socket-channel.ts';
import { ConnectionError } from '../../../src/shared/errors.ts';
import { systemRng } from '../../../src/shared/random.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';
import { watchedServer } from '../../helpers/processes/watched-server.ts';
import type { WatchedServer } from '../../helpers/processes/watched-server.ts';

const pool = new ThreadPool(1);
let server: WatchedServer;
beforeAll(async () => {
  const served = { plan: tinyPlan, weights: tinyWeights() };
  server = await watchedServer({ ...served, threads: 1 });
});
afterAll(async () => {
  await server.close();
  await pool.close();
});

/** What a session waits for when it is closed: a connection, or a job while it makes its keys over one. */
const moments = ['connection', 'keys'] as const;

/** A session whose connections and jobs wait where a test says so. */
async function heldSession(ahead: number) {
  const channels: WebSocketChannel[] = [];
  const reached = Promise.withResolvers<void>();
  const released = Promise.withResolvers<void>();
  let held: (typeof moments)[number] | undefined;
  const pass = async (moment: typeof held) => {
    if (moment !== held) return;
    reached.resolve();
    await released.promise;
  };
  const slowPool: WorkerPool = {
    threads: pool.threads,
    base: pool,
    run: async (...job) => {
      if (channels.length > 1) await pass('keys');
      return pool.run(...job);
    },
    close: () => Promise.resolve(),
  };
  const session = await ClientSession.open({
    ...{ rng: systemRng, ahead, retry: {}, wanted: {}, ownsPool: true, pool: () => slowPool },
    open: async () => {
      await pass('connection');
      const socket = new WebSocket(server.url);
      const channel = new WebSocketChannel(new NodeSocket(socket));
      channels.push(channel);
      await once(socket, 'open');
      return channel;
    },
  });
  const hold = (moment: typeof held) => (held = moment);
  return { session, channels, hold, reached: reached.promise, release: released.resolve };
}

test.each(moments)(
  'a session that is closed while a call waits for its %s leaves no connection',
  async (moment) => {
    const { session, channels, hold, reached, release } = await heldSession(0);
    channels[0]!.close(new ConnectionError('cut'));
    hold(moment);
    const answer = expect(session.infer(tinyImage())).rejects.toThrow('the session is closed');
    await reached;
    await session.close();
    release();
    await answer;
    expect(channels).toHaveLength(2);
    expect(channels[1]!.failure?.message).toBe('the session is closed');
    for (let i = 0; i < channels.length; i++) await server.eventOf('closed');
  },
);

test.each(moments)(
  'a session that is closed while its background waits for its %s leaves no connection',
  async (moment) => {
    const { session, channels, hold, reached, release } = await heldSession(2);
    hold(moment);
    channels[0]!.close(new ConnectionError('cut'));
    await reached;
    const closed = session.close();
    release();
    await closed;
    expect(channels.every(({ failure }) => failure !== undefined)).toBe(true);
    for (let i = 0; i < channels.length; i++) await server.eventOf('closed');
  },
);
