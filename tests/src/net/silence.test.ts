import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import type { ClientOptions } from 'ws';
import { profiles } from '../../../pipelines/cost/profiles.ts';
import { NodeSocket } from '../../../src/net/node-socket.ts';
import { looksPerSilence, Silence } from '../../../src/net/silence.ts';
import type { Signs } from '../../../src/net/silence.ts';
import { defaultLimits } from '../../../src/net/web-socket-channel.ts';
import { startServer } from '../../../src/server.ts';
import { tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';
import { slowedConnection } from '../../../src/net/throttle.ts';

const quiet: Signs = { received: 7, unsent: 0, isHeldBack: false };

/** The look, counted from the first silent one, at which the peer is gone after signs like these. */
function goneAfter(before: readonly Signs[]): number {
  const silence = new Silence();
  silence.look(quiet);
  for (const signs of before) expect(silence.look(signs)).toBe(false);
  const received = before.at(-1)?.received ?? quiet.received;
  for (let looks = 1; looks < 100; looks++) if (silence.look({ ...quiet, received })) return looks;
  return Infinity;
}

test('a peer is gone when nothing has come for all looks of the limit, in a row', () => {
  expect(goneAfter([])).toBe(looksPerSilence);
  const silent = Array.from({ length: looksPerSilence - 1 }, () => quiet);
  expect(goneAfter(silent)).toBe(1);
  expect(goneAfter([...silent, { ...quiet, received: 8 }])).toBe(looksPerSilence);
});

test.each<[string, (look: number) => Partial<Signs>]>([
  ['one more byte comes', (look) => ({ received: look })],
  ['bytes wait because the peer does not read', () => ({ unsent: 1 })],
  ['this side does not read', () => ({ isHeldBack: true })],
])('it is not while %s, and the limit begins anew', (_, signs) => {
  const looks = Array.from({ length: 5 * looksPerSilence }, (_, i) => ({ ...quiet, ...signs(i + 8) }));
  expect(goneAfter(looks)).toBe(looksPerSilence);
});

// Sockets, on a clock that a test moves by hand.
const limit = 1000;
const tick = (limit * 1000) / looksPerSilence;
const servers: WebSocketServer[] = [];
beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }));
afterEach(() => {
  vi.useRealTimers();
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

type Seen = { readonly bytesRead: number };

/** Both ends of a connection. Neither answers a ping unless it is told to. */
async function connection(options: ClientOptions & { answers?: boolean } = {}) {
  const { answers: autoPong = false, ...client } = options;
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, autoPong, perMessageDeflate: false });
  servers.push(server);
  await once(server, 'listening');
  const accepted = once(server, 'connection') as Promise<[WebSocket, { socket: Seen }]>;
  const { port } = server.address() as AddressInfo;
  const near = new WebSocket(`ws://127.0.0.1:${port}`, { autoPong, perMessageDeflate: false, ...client });
  const upgraded = once(near, 'upgrade') as Promise<[{ socket: Seen }]>;
  const own = { near: new NodeSocket(near) };
  const [[far, request], [response]] = await Promise.all([accepted, upgraded]);
  if (near.readyState !== WebSocket.OPEN) await once(near, 'open');
  return [
    { socket: near, seen: response.socket, own: own.near },
    { socket: far, seen: request.socket, own: new NodeSocket(far, request.socket) },
  ] as const;
}

/** Watches an end, and takes the first look, which sees what came before. */
function watch({ own }: { readonly own: NodeSocket }) {
  const gone = vi.fn();
  own.watch(limit, gone);
  vi.advanceTimersByTime(tick);
  return gone;
}

/** Waits for what no clock moves. */
async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

test('nothing from the peer: it is gone after the limit and not before', async () => {
  const [near] = await connection();
  const gone = watch(near);
  vi.advanceTimersByTime(tick * (looksPerSilence - 1));
  expect(gone).not.toHaveBeenCalled();
  vi.advanceTimersByTime(tick);
  expect(gone).toHaveBeenCalledOnce();
});

test('a peer that answers pings and says nothing else is alive', async () => {
  const [near] = await connection({ answers: true });
  const gone = watch(near);
  for (let look = 0; look < 5 * looksPerSilence; look++) {
    const answered = once(near.socket, 'pong');
    vi.advanceTimersByTime(tick);
    await answered;
  }
  expect(gone).not.toHaveBeenCalled();
});

/** The end that is watched and its peer. */
const sides = {
  server: async () => (await connection()).toReversed(),
  client: async () => connection(),
  'client over a slowed network': async () =>
    connection({ createConnection: slowedConnection(profiles.lan, false)! }),
};

test.each(Object.entries(sides))(
  'a frame that comes slowly, and no answer to a ping: alive until it stops, to the %s',
  async (_, open) => {
    const [own, peer] = await open();
    const gone = watch(own);
    for (let look = 0; look < 5 * looksPerSilence; look++) {
      const before = own.seen.bytesRead;
      peer.socket.send(new Uint8Array(10), { fin: false });
      await until(() => own.seen.bytesRead > before);
      vi.advanceTimersByTime(tick);
    }
    expect(gone).not.toHaveBeenCalled();
    vi.advanceTimersByTime(tick * looksPerSilence);
    expect(gone).toHaveBeenCalledOnce();
  },
);

test('a server sees bytes of a frame that is not whole yet, though its client answers no ping', async () => {
  const server = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1 });
  const peer = new WebSocket(server.url, { autoPong: false });
  await once(peer, 'open');
  const closed = vi.fn();
  peer.once('close', closed);
  const look = async () => {
    const asked = once(peer, 'ping');
    vi.advanceTimersByTime((1000 * defaultLimits.silentSeconds) / looksPerSilence);
    // After it, the server has read what was sent before.
    await asked;
  };
  for (let looks = 0; looks < 3 * looksPerSilence; looks++) {
    await new Promise((resolve) => peer.send(new Uint8Array(10), { fin: false }, resolve));
    await look();
  }
  expect(closed).not.toHaveBeenCalled();
  for (let looks = 0; looks < looksPerSilence; looks++) {
    vi.advanceTimersByTime((1000 * defaultLimits.silentSeconds) / looksPerSilence);
  }
  await until(() => closed.mock.calls.length > 0);
  await server.close();
});

test('a peer that does not read what waits for it is left to the limit of who sends', async () => {
  const [near, far] = await connection({ answers: true });
  far.socket.pause();
  const frame = new Uint8Array(2 ** 20);
  // More than both operating systems take.
  while (near.own.buffered < 2 ** 22) {
    void near.own.send(frame.subarray(0, 16), frame);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const gone = watch(near);
  vi.advanceTimersByTime(tick * 5 * looksPerSilence);
  expect(gone).not.toHaveBeenCalled();
  far.socket.resume();
  await until(() => near.own.buffered === 0);
  // Nothing waits any more: a ping goes out and is answered.
  const answered = once(near.socket, 'pong');
  vi.advanceTimersByTime(tick);
  await answered;
  far.socket.pause();
  vi.advanceTimersByTime(tick * (looksPerSilence + 1));
  expect(gone).toHaveBeenCalledOnce();
});

test('a side that does not read takes what it has not read for no silence', async () => {
  const [near] = await connection();
  near.socket.pause();
  const gone = watch(near);
  vi.advanceTimersByTime(tick * 5 * looksPerSilence);
  expect(gone).not.toHaveBeenCalled();
});
