import { createConnection } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { WebSocket } from 'ws';
import { agreementBytes, encodeFrameHeader, tags } from '../../../crypto/channel/channel.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { largestPayloads } from '../../../pipelines/cost/bytes.ts';
import type { Prepared } from '../../../pipelines/compile/served-plan.ts';
import { offlineClient } from '../../../pipelines/inference/offline.ts';
import type { ClientOffline } from '../../../pipelines/inference/one-time.ts';
import { onlineClient } from '../../../pipelines/inference/online.ts';
import { openClientParty } from '../../../pipelines/inference/parties.ts';
import { planHash, serialisePlan } from '../../../pipelines/plan/codec.ts';
import { connect } from '../../../src/client.ts';
import type { Session } from '../../../src/client.ts';
import { greetServer } from '../../../src/net/handshake.ts';
import { grantSchema, receiveJson, sendJson } from '../../../src/net/messages.ts';
import { encodeRequest } from '../../../src/net/session.ts';
import { startServer } from '../../../src/server.ts';
import type { ServerEvent } from '../../../src/server.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { systemRng } from '../../../src/shared/random.ts';
import { testTerms } from '../../helpers/protocol/offers.ts';
import { rawChannel, rawSocket } from '../../helpers/protocol/raw-peer.ts';
import { watchedServer } from '../../helpers/processes/watched-server.ts';
import type { WatchedServer } from '../../helpers/processes/watched-server.ts';
import { servedNet } from '../fixtures/served-net.ts';

// Peers that do not keep to the protocol, are silent, or take places.

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/test-only.${name}.pem`, import.meta.url));

/** Of all clients here. */
const pool = new ThreadPool(1);
let prepared: Prepared;
let images: Float32Array[];
let server: WatchedServer;
let bystander: Session;

beforeAll(async () => {
  ({ prepared, images } = await servedNet());
  server = await watchedServer({ ...prepared, threads: 1, maxSessions: 3 });
  bystander = await connect(server.url, { pool });
});
afterAll(async () => {
  await bystander.close();
  await server.close();
  await pool.close();
});

/** Another client, whose session was open all the while, is still served. */
async function expectService(): Promise<void> {
  expect((await bystander.infer(images[0]!)).logits!.length).toBe(5);
}

test('a client that expects another plan is refused in one line on both sides', async () => {
  await expect(connect(server.url, { planHash: 'ab'.repeat(32), pool })).rejects.toThrow(
    `the peer ended the session: plan: the client expects ${'ab'.repeat(32)}, this server runs ${planHash(prepared.plan)}`,
  );
  expect((await server.eventOf('closed')).error?.message).toMatch(/^plan: the client expects/);
});

test('a server that changes the plan after hello is caught by the client', async () => {
  const [channel, peer] = memoryChannels();
  const served = greetServer(channel, { planHash: planHash({ ...prepared.plan, name: 'another' }) });
  await peer.receive(tags.hello, 0, agreementBytes);
  await sendJson(peer, tags.terms, 0, testTerms);
  await peer.send(tags.welcome, 0, serialisePlan(prepared.plan));
  await expect(served).rejects.toThrow(/^plan: expected .* the server sent/);
});

test.each([
  ['garbage', (socket: WebSocket) => socket.send(Buffer.alloc(100, 7)), /does not speak this protocol/],
  ['text', (socket: WebSocket) => socket.send('GET /'), /it sent text/],
  ['an empty message', (socket: WebSocket) => socket.send(Buffer.alloc(0)), /expected 16 bytes, got 0/],
  [
    'another protocol version',
    (socket: WebSocket) => {
      const frame = Buffer.concat([encodeFrameHeader(tags.hello, 0, 1024), Buffer.alloc(1024)]);
      frame[2] = 99;
      socket.send(frame);
    },
    /expected protocol version 3, got 99/,
  ],
  [
    'a length that lies',
    (socket: WebSocket) =>
      socket.send(Buffer.concat([encodeFrameHeader(tags.hello, 0, 1024), Buffer.alloc(1025)])),
    /expected hello of 1024 bytes, got hello of step 0, 1025 bytes/,
  ],
  [
    'a message longer than any of the plan',
    (socket: WebSocket) => {
      const length = largestPayloads(prepared.plan).up + 1;
      socket.send(Buffer.concat([encodeFrameHeader(tags.hello, 0, length), Buffer.alloc(length)]));
    },
    /Max payload size exceeded/,
  ],
  ['a goodbye without a hello', (socket: WebSocket) => socket.close(), /the peer left/],
])('a peer that sends %s ends its session only', async (_name, misbehave, expected) => {
  const socket = await rawSocket(server.url);
  const closed = new Promise((resolve) => socket.once('close', resolve));
  misbehave(socket);
  expect((await server.eventOf('closed')).error?.message).toMatch(expected);
  await closed;
  await expectService();
});

test('a peer that sends nothing at all is ended after the idle limit', async () => {
  const closed = Promise.withResolvers<ServerEvent>();
  const impatient = await startServer({
    ...prepared,
    threads: 1,
    idleSeconds: 0.3,
    onEvent: (event) => {
      if (event.kind === 'closed') closed.resolve(event);
    },
  });
  const socket = await rawSocket(impatient.url);
  const left = new Promise((resolve) => socket.once('close', resolve));
  expect(await closed.promise).toMatchObject({
    error: { message: 'step 0: the peer does not send hello; waited 0.3 s' },
  });
  await left;
  await impatient.close();
});

test('a frame that is sent twice is refused', async () => {
  const channel = await rawChannel(server.url);
  await greetServer(channel);
  await channel.send(tags.accept, 0, Buffer.from(planHash(prepared.plan), 'hex'));
  expect((await server.eventOf('closed')).error?.message).toMatch(
    /expected heSeedPart of 32 bytes, got accept/,
  );
  await expect(channel.receive(tags.baseOtKey, 0, 32)).rejects.toThrow('the peer ended the session');
  channel.close();
});

test('inferring without material ends the session', async () => {
  const channel = await rawChannel(server.url);
  const { plan } = await greetServer(channel);
  const party = await openClientParty(channel, pool, plan, systemRng);
  await channel.send(tags.request, 1, encodeRequest({ kind: 'infer', numbers: [1] }));
  expect((await server.eventOf('closed')).error?.message).toBe(
    'request 1: inference 1 is not prepared, or was used before',
  );
  party.close();
  channel.close();
});

test('a client that asks on and on beyond a limit waits for each refusal, and its session goes on', async () => {
  const refused: number[] = [];
  const limited = await startServer({
    ...prepared,
    ...{ threads: 1, perMinute: 1 },
    onEvent: ({ kind }) => void (kind === 'limited' && refused.push(performance.now())),
  });
  const channel = await rawChannel(limited.url);
  const { plan, transfers } = await greetServer(channel);
  const party = await openClientParty(channel, pool, plan, systemRng, transfers);
  for (const sequence of ['session', 'offline'] as const) channel.open(sequence);
  const refusals = 16;
  for (let count = 1; count <= 1 + refusals; count++) {
    await channel.send(tags.request, count, encodeRequest({ kind: 'prepare' }));
  }
  for (let count = 1; count <= 1 + refusals; count++) {
    const grant = await receiveJson(channel, tags.grant, count, grantSchema);
    expect('granted' in grant).toBe(count === 1);
  }
  // The first ten are told at once; a tenth of a second then passes before each further one, by the server's
  // clock: a client may be late with what it reads. A timer is early by a millisecond at most.
  expect(refused).toHaveLength(refusals);
  for (let i = 10; i < refusals; i++) expect(refused[i]! - refused[i - 1]!).toBeGreaterThan(98);
  party.close();
  channel.close();
  await limited.close();
});

test('a client that lets answers wait prepares no more than the limit and what waits', async () => {
  const limited = await startServer({ ...prepared, threads: 1, maxPrepared: 1 });
  const channel = await rawChannel(limited.url);
  const { plan, transfers } = await greetServer(channel);
  const party = await openClientParty(channel, pool, plan, systemRng, transfers);
  for (const sequence of ['session', 'offline', 'online'] as const) channel.open(sequence);
  const ready: ClientOffline[] = [];
  const prepare = async (count: number) => {
    await channel.send(tags.request, count, encodeRequest({ kind: 'prepare' }));
    expect(await receiveJson(channel, tags.grant, count, grantSchema)).toHaveProperty('granted');
    ready.push((await offlineClient(channel, plan, party)).offline);
  };
  const ask = (count: number, number: number) =>
    channel.send(tags.request, count, encodeRequest({ kind: 'infer', numbers: [number] }));
  await prepare(1);
  await ask(2, 1);
  await prepare(3);
  // Its images do not come, so the first answer is under way all the time.
  await ask(4, 2);
  let isGranted = false;
  const third = prepare(5).then(() => (isGranted = true));
  await new Promise((resolve) => setTimeout(resolve, 1000));
  expect(isGranted).toBe(false);
  await onlineClient(channel, plan, ready[0]!, images[0]!);
  await third;
  party.close();
  channel.close();
  await limited.close();
});

test('one session too many is told so', async () => {
  const held = await Promise.all([rawChannel(server.url), rawChannel(server.url)]);
  await expect(connect(server.url, { pool })).rejects.toThrow('the server is busy');
  for (const channel of held) channel.close();
  for (let i = 0; i < 2; i++) await server.eventOf('closed');
  const session = await connect(server.url, { pool });
  await session.close();
  expect((await server.eventOf('closed')).error).toBeUndefined();
});

describe('places', () => {
  // Limits of seconds run on a clock that a test moves: a short one would also end what a busy machine takes
  // long for.
  const handshakeSeconds = 10;
  const pass = (seconds: number) => vi.advanceTimersByTime(1000 * seconds);
  afterEach(() => void vi.useRealTimers());

  test('silent sockets lose theirs after the handshake’s deadline, whatever the idle limit', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const small = await startServer({
      ...prepared,
      ...{ threads: 1, maxSessions: 2, handshakeSeconds, idleSeconds: 600 },
    });
    const silent = await Promise.all([rawSocket(small.url), rawSocket(small.url)]);
    const gone = Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    pass(handshakeSeconds - 1);
    await expect(connect(small.url, { pool })).rejects.toThrow('the server is busy');
    pass(1);
    await gone;
    const session = await connect(small.url, { pool });
    await session.close();
    await small.close();
  });

  test('a client that has said which plan it wants may take longer to read it, up to the idle limit', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const small = await startServer({ ...prepared, threads: 1, handshakeSeconds, idleSeconds: 600 });
    const channel = await rawChannel(small.url);
    const send = channel.send.bind(channel);
    channel.send = async (tag, step, payload) => {
      if (tag === tags.accept) pass(3 * handshakeSeconds);
      return send(tag, step, payload);
    };
    const { plan, transfers } = await greetServer(channel);
    const party = await openClientParty(channel, pool, plan, systemRng, transfers);
    party.close();
    channel.close();
    await small.close();
  });

  test.each([
    ['TCP', {}],
    ['TLS', { tls: { cert: fixture('cert'), key: fixture('key') } }],
  ])('a connection that only opens, without a byte, ends by the same deadline: %s', async (_, tls) => {
    const small = await startServer({ ...prepared, ...tls, threads: 1, handshakeSeconds: 0.3 });
    const silent = createConnection(Number(new URL(small.url).port), '127.0.0.1');
    silent.on('error', () => undefined);
    silent.resume();
    await new Promise((resolve) => silent.once('close', resolve));
    await small.close();
  });

  test('one token cannot take all: half of them are left for others', async () => {
    const tokens = ['alice', 'bob'].map((name) => ({ name, token: `${name}-0123456789abcdef` }));
    const refused: string[] = [];
    const small = await startServer({
      ...prepared,
      ...{ threads: 1, maxSessions: 2, tokens },
      onEvent: (event) => event.kind === 'refused' && refused.push(`${event.peer}: ${event.reason}`),
    });
    const first = await connect(small.url, { pool, token: tokens[0]!.token });
    const again = connect(small.url, { pool, token: tokens[0]!.token });
    await expect(again).rejects.toThrow(/this client has 1 sessions/);
    const other = await connect(small.url, { pool, token: tokens[1]!.token });
    await expect(connect(small.url, { pool, token: 'nobody-0123456789' })).rejects.toThrow(ProtocolError);
    expect(refused[0]).toMatch(/^alice: this client has 1 sessions/);
    expect(refused[1]).toMatch(/: it shows a token that this server does not know$/);
    await Promise.all([first.close(), other.close()]);
    await small.close();
  });
});
