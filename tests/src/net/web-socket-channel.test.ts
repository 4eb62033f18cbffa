import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { NodeSocket } from '../../../src/net/node-socket.ts';
import { failureText, readFailure, WebSocketChannel } from '../../../src/net/web-socket-channel.ts';
import type { Socket } from '../../../src/net/socket.ts';
import type { ChannelLimits } from '../../../src/net/web-socket-channel.ts';
import { encodeFrameHeader, frameHeaderBytes, tags } from '../../../crypto/channel/channel.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';

const open: WebSocketServer[] = [];
afterEach(() => {
  vi.useRealTimers();
  for (const server of open.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

/** Both ends of a connection on the loopback, and the socket of the first. */
async function pair(near: Partial<ChannelLimits> = {}, far: Partial<ChannelLimits> = {}) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  open.push(server);
  await new Promise((resolve) => server.once('listening', resolve));
  const accepted = new Promise<WebSocketChannel>((resolve) =>
    server.once('connection', (socket) => resolve(new WebSocketChannel(new NodeSocket(socket), far))),
  );
  const socket = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const channel = new WebSocketChannel(new NodeSocket(socket), near);
  await new Promise((resolve) => socket.once('open', resolve));
  return [channel, await accepted, socket] as const;
}

test('frames arrive whole and in order, empty and large ones too, and both ends count the same bytes', async () => {
  const [near, far] = await pair();
  const sizes = [0, 1, 12_345_678, 7];
  const sent = Promise.all(
    sizes.map((size, i) => near.send(tags.linearRequest, i, new Uint8Array(size).fill(i + 1))),
  );
  for (const [i, size] of sizes.entries()) {
    const payload = await far.receive(tags.linearRequest, i, size);
    expect(payload.byteLength).toBe(size);
    expect(payload.every((byte) => byte === i + 1)).toBe(true);
    expect(payload.byteOffset).toBe(0);
  }
  await sent;
  const total = sizes.reduce((sum, size) => sum + size + frameHeaderBytes, 0);
  expect(near.traffic).toMatchObject({ sent: total, framesSent: 4, received: 0 });
  expect(far.traffic).toMatchObject({ received: total, framesReceived: 4, sent: 0 });
});

test('another step, tag or length than asked for ends the session for good', async () => {
  const [near, far] = await pair();
  await near.send(tags.masked, 3, new Uint8Array(8));
  await near.send(tags.masked, 4, new Uint8Array(8));
  await expect(far.receive(tags.masked, 4, 8)).rejects.toThrow(
    'step 4: expected masked of 8 bytes, got masked of step 3, 8 bytes',
  );
  await expect(far.receive(tags.masked, 4, 8)).rejects.toThrow(ProtocolError);
});

test('the reason of an end reaches the peer; what came before it is still delivered', async () => {
  const [near, far] = await pair();
  await near.send(tags.masked, 1, Uint8Array.of(9));
  near.close(new ProtocolError('step 2: something\nwas wrong'));
  expect(await far.receive(tags.masked, 1, 1)).toEqual(Uint8Array.of(9));
  await expect(far.receive(tags.masked, 2, 1)).rejects.toThrow(
    'the peer ended the session: step 2: something was wrong',
  );
  await expect(near.send(tags.masked, 2, new Uint8Array(1))).rejects.toThrow('step 2: something');
});

test('an end without a reason is that the peer left', async () => {
  const [near, far] = await pair();
  near.close();
  await expect(far.receive(tags.masked, 1, 1)).rejects.toThrow('the peer left in the middle of the session');
});

test('a peer that takes nothing is not fed without end: reading pauses, the sender gives up', async () => {
  // On a clock that the test moves once the reader has paused: a short limit would also end what a busy
  // machine takes long for.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  const [near, far] = await pair({ idleSeconds: 5 }, { maxUnread: 2 ** 20 });
  const frame = new Uint8Array(2 ** 22);
  const flood = async () => {
    for (let step = 1; ; step++) await near.send(tags.linearRequest, step, frame);
  };
  let isOver = false;
  const flooded = flood().finally(() => (isOver = true));
  const refused = expect(flooded).rejects.toThrow(/the peer does not take linearRequest; waited 5 s/);
  const [reader] = open[0]!.clients;
  while (!reader!.isPaused || near.traffic.framesSent <= 2) await turn();
  while (!isOver) {
    vi.advanceTimersByTime(1000);
    await turn();
  }
  await refused;
  // Far less than was sent: two frames at most were read.
  expect(far.traffic.framesReceived).toBeLessThanOrEqual(2);
  expect(near.traffic.framesSent).toBeGreaterThan(2);
});

/** What sockets have is done between. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A channel on a socket that takes a frame only when it is told to. */
function held() {
  const handed: PromiseWithResolvers<void>[] = [];
  const socket: Socket = {
    ...{ isOpen: true, buffered: 0, listen: () => undefined, close: () => undefined, cut: () => undefined },
    send: () => {
      handed.push(Promise.withResolvers());
      return handed.at(-1)!.promise;
    },
  };
  return { channel: new WebSocketChannel(socket), handed };
}

test('frames are flushed when the last of them has been handed on, though sending did not wait for it', async () => {
  const { channel, handed } = held();
  await channel.flushed();
  for (const step of [1, 2]) await channel.send(tags.tables, step, new Uint8Array(3));
  let isFlushed = false;
  const flushed = channel.flushed().then(() => (isFlushed = true));
  handed[0]!.resolve();
  await turn();
  expect(isFlushed).toBe(false);
  handed[1]!.resolve();
  expect(await flushed).toBe(true);
  await channel.send(tags.tables, 3, new Uint8Array(3));
  handed[2]!.reject(new Error('planted'));
  await expect(channel.flushed()).rejects.toThrow('connection: planted');
});

test('a silent peer is given up', async () => {
  const [near] = await pair({ idleSeconds: 0.1 });
  await expect(near.receive(tags.output, 5, 4)).rejects.toThrow(
    'step 5: the peer does not send output; waited 0.1 s',
  );
});

test('a flood of frames without payload pauses reading too', async () => {
  const [near, far] = await pair({}, { maxUnread: 2 ** 20 });
  const count = 60_000;
  for (let step = 0; step < count; step++) void near.send(tags.masked, step, new Uint8Array());
  await far.receive(tags.masked, 0, 0);
  // 2^20 / (16 + 256) = 3,855 frames, and what the socket had read already. By their bytes alone all 60,000 would fit.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(far.traffic.framesReceived).toBeLessThan(30_000);
  for (let step = 1; step < count; step++) await far.receive(tags.masked, step, 0);
});

test('a peer that vanished without a word is gone when no ping is answered; one that only thinks is not', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const [near, , socket] = await pair({ silentSeconds: 8 });
  const waiting = near.receive(tags.output, 5, 4);
  const gone = expect(waiting).rejects.toThrow('the peer has not answered for 8 s: it is gone');
  for (let second = 0; second < 40; second += 2) {
    const answered = once(socket, 'pong');
    vi.advanceTimersByTime(2000);
    await answered;
  }
  expect(near.failure).toBeUndefined();
  for (const client of open[0]!.clients) client.pause(); // As if the cable were pulled: no answer to a ping.
  // The first look still sees the answer to the last ping.
  vi.advanceTimersByTime(2000 + 8000);
  await gone;
});

test('patience is another limit for a while', async () => {
  const [near, far] = await pair({ idleSeconds: 600 });
  near.patience = 0.1;
  await expect(near.receive(tags.output, 5, 4)).rejects.toThrow('waited 0.1 s');
  far.close();
});

function frame(tag: (typeof tags)[keyof typeof tags], text: string): Uint8Array {
  const payload = new TextEncoder().encode(text);
  return new Uint8Array([...encodeFrameHeader(tag, 0, payload.length), ...payload]);
}

test('a failure is read from failure frames only', () => {
  expect(readFailure(frame(tags.failure, 'step 3: expected this, got that'))).toBe(
    'step 3: expected this, got that',
  );
  expect(readFailure(frame(tags.hello, 'text'))).toBeUndefined();
  expect(readFailure(new Uint8Array(3))).toBeUndefined();
  expect(readFailure(frame(tags.failure, ''))).toBe('it gave no reason');
});

test('what a peer writes cannot reach the terminal or fill it', () => {
  const hostile = `\u001b[2J\u0007bell\n${'x'.repeat(5000)}`;
  const shown = readFailure(frame(tags.failure, hostile))!;
  expect(shown).toMatch(/^[\x20-\x7e]*$/);
  expect(shown.length).toBeLessThanOrEqual(300);
});

test('errors that are not the program’s own are not sent to the peer', () => {
  const decode = (error: Error) => new TextDecoder().decode(failureText(error));
  expect(decode(new ProtocolError('step 3: expected this'))).toBe('step 3: expected this');
  expect(decode(new Error('/home/someone/secret'))).toBe('internal error');
});
