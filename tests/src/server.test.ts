import { readFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { planHash, maxPlanBytes, serialisePlan } from '../../pipelines/plan/codec.ts';
import { largestPayloads } from '../../pipelines/cost/bytes.ts';
import type { Prepared } from '../../pipelines/compile/served-plan.ts';
import { connect } from '../../src/client.ts';
import type { Session } from '../../src/client.ts';
import { openClientParty } from '../../pipelines/inference/parties.ts';
import { encodeRequest } from '../../src/net/session.ts';
import { systemRng } from '../../src/shared/random.ts';
import { greetServer } from '../../src/net/handshake.ts';
import { sendJson } from '../../src/net/messages.ts';
import { NodeSocket } from '../../src/net/node-socket.ts';
import { WebSocketChannel } from '../../src/net/web-socket-channel.ts';
import { startServer } from '../../src/server.ts';
import type { RunningServer, ServerEvent } from '../../src/server.ts';
import { agreementBytes, encodeFrameHeader, tags } from '../../crypto/channel/channel.ts';
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { ProtocolError, RefusedError } from '../../src/shared/errors.ts';
import { testTerms } from '../helpers/offers.ts';
import { servedNet } from './fixtures/served-net.ts';

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/test-only.${name}.pem`, import.meta.url));

/** Of all clients here. */
const pool = new ThreadPool(1);
let prepared: Prepared;
let images: Float32Array[];
let server: RunningServer;
let bystander: Session;
const events: ServerEvent[] = [];
let wake: () => void = () => undefined;

beforeAll(async () => {
  ({ prepared, images } = await servedNet());
  server = await startServer({
    ...prepared,
    threads: 1,
    maxSessions: 3,
    onEvent: (event) => {
      events.push(event);
      wake();
    },
  });
  bystander = await connect(server.url, { pool });
});
afterAll(async () => {
  await bystander.close();
  await server.close();
  await pool.close();
});

/** The next event of this kind that no call has taken. */
async function eventOf<K extends ServerEvent['kind']>(kind: K): Promise<Extract<ServerEvent, { kind: K }>> {
  for (;;) {
    const at = events.findIndex((event) => event.kind === kind);
    if (at !== -1) return events.splice(at, 1)[0] as Extract<ServerEvent, { kind: K }>;
    await new Promise<void>((resolve) => (wake = resolve));
  }
}

async function rawSocket(url = server.url): Promise<WebSocket> {
  const socket = new WebSocket(url);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('open', resolve));
  return socket;
}

async function rawChannel(url = server.url): Promise<WebSocketChannel> {
  const socket = new WebSocket(url);
  const channel = new WebSocketChannel(new NodeSocket(socket));
  await new Promise((resolve) => socket.once('open', resolve));
  return channel;
}

/** Another client, whose session was open all the while, is still served. */
async function expectService(): Promise<void> {
  expect((await bystander.infer(images[0]!)).logits!.length).toBe(5);
}

test('a client that expects another plan is refused in one line on both sides', async () => {
  await expect(connect(server.url, { planHash: 'ab'.repeat(32), pool })).rejects.toThrow(
    `the peer ended the session: plan: the client expects ${'ab'.repeat(32)}, this server runs ${planHash(prepared.plan)}`,
  );
  expect((await eventOf('closed')).error?.message).toMatch(/^plan: the client expects/);
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
  const socket = await rawSocket();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  misbehave(socket);
  expect((await eventOf('closed')).error?.message).toMatch(expected);
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
  const channel = await rawChannel();
  await greetServer(channel);
  await channel.send(tags.accept, 0, Buffer.from(planHash(prepared.plan), 'hex'));
  expect((await eventOf('closed')).error?.message).toMatch(/expected heSeedPart of 32 bytes, got accept/);
  await expect(channel.receive(tags.baseOtKey, 0, 32)).rejects.toThrow('the peer ended the session');
  channel.close();
});

test('one session too many is told so', async () => {
  const held = await Promise.all([rawChannel(), rawChannel()]);
  await expect(connect(server.url, { pool })).rejects.toThrow('the server is busy');
  for (const channel of held) channel.close();
  for (let i = 0; i < 2; i++) await eventOf('closed');
  const session = await connect(server.url, { pool });
  await session.close();
  expect((await eventOf('closed')).error).toBeUndefined();
});

test('nobody there: one line that names the address', async () => {
  const probe = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  await expect(connect(`ws://127.0.0.1:${port}`)).rejects.toThrow(
    new RegExp(`^server ws://127\\.0\\.0\\.1:${port}: connect ECONNREFUSED`),
  );
  await expect(connect('http://127.0.0.1')).rejects.toThrow('expected a ws:// or wss:// address');
});

test('an image that does not fit costs no offline phase and no session', async () => {
  const session = await connect(server.url, { pool });
  await expect(session.infer(new Float32Array(3))).rejects.toThrow(
    'image: expected [3, 8, 8] = 192 values, got 3',
  );
  await expect(session.infer(new Float32Array(192).fill(NaN))).rejects.toThrow(
    'image: value 0: expected a number',
  );
  expect((await session.infer(images[0]!)).online.rounds).toBeGreaterThan(1);
  await session.close();
  expect((await eventOf('closed')).error).toBeUndefined();
});

test('the client, and only it, hears of values outside the range of the calibration images', async () => {
  const [image] = images as [Float32Array];
  expect((await bystander.infer(image)).outsideRange).toBeUndefined();
  const { scale, bits } = prepared.plan.wires[prepared.plan.input.wire]!;
  const limit = 2 ** bits / scale;
  const outside = Float32Array.from(image, (value, i) => (i < 3 ? -(i + 1) * limit : value));
  const { outsideRange } = await bystander.infer(outside);
  expect(outsideRange).toEqual({ values: 3, largest: 3 * limit, limit });
});

test('an inference that was prepared ahead has only its online phase left', async () => {
  const session = await connect(server.url, { pool });
  await session.prepare();
  await session.prepare();
  const results = [await session.infer(images[0]!), await session.infer(images[0]!)];
  const [first, second] = results.map(({ logits }) => logits);
  // The same image under fresh masks: equal up to the truncation's randomness.
  first!.forEach((y, i) => expect(Math.abs(y - second![i]!)).toBeLessThan(0.5));
  expect(first).not.toEqual(second);
  await session.close();
  expect((await eventOf('closed')).error).toBeUndefined();
});

test('preparing without end is refused, and the session with what it has prepared goes on', async () => {
  const session = await connect(server.url, { pool });
  expect(session.limits).toEqual(testTerms.limits);
  for (let i = 0; i < 4; i++) await session.prepare();
  const refused = session.prepare();
  await expect(refused).rejects.toThrow('4 inferences are prepared already, the most allowed');
  await expect(refused).rejects.toThrow(RefusedError);
  expect((await eventOf('limited')).reason).toMatch(/^4 inferences are prepared already/);
  for (let i = 0; i < 4; i++) expect((await session.infer(images[0]!)).logits).toHaveLength(5);
  await session.prepare();
  await session.close();
  expect((await eventOf('closed')).error).toBeUndefined();
});

test('inferring without material ends the session', async () => {
  const channel = await rawChannel();
  const { plan } = await greetServer(channel);
  const party = await openClientParty(channel, pool, plan, systemRng);
  await channel.send(tags.request, 1, encodeRequest({ kind: 'infer', numbers: [1] }));
  expect((await eventOf('closed')).error?.message).toBe(
    'request 1: inference 1 is not prepared, or was used before',
  );
  party.close();
  channel.close();
});

test('two calls of a session at once are refused', async () => {
  const session = await connect(server.url, { pool });
  const running = session.infer(images[0]!);
  await expect(session.infer(images[1]!)).rejects.toThrow('session: expected one call at a time');
  expect((await running).logits!.length).toBe(5);
  await session.close();
  expect((await eventOf('closed')).error).toBeUndefined();
});

test('two sessions at once do not disturb each other', async () => {
  const sessions = await Promise.all([0, 1].map(() => connect(server.url, { pool })));
  const results = await Promise.all(sessions.map((session, i) => session.infer(images[i]!)));
  expect(results[0]!.logits).not.toEqual(results[1]!.logits);
  await Promise.all(sessions.map((session) => session.close()));
  for (let i = 0; i < 2; i++) expect((await eventOf('closed')).error).toBeUndefined();
});

test('over TLS: with the certificate trusted it works, without it does not', async () => {
  const tls = { cert: fixture('cert'), key: fixture('key') };
  const secured = await startServer({ ...prepared, threads: 1, tls });
  expect(secured.url).toMatch(/^wss:/);
  await expect(connect(secured.url, { pool })).rejects.toThrow(
    /its certificate is self-signed; if it is the right one, trust it with --ca/,
  );
  const session = await connect(secured.url, { pool, ca: readFileSync(tls.cert) });
  expect((await session.infer(images[0]!)).logits!.length).toBe(5);
  await session.close();
  await secured.close();
});

test('a renewed certificate is taken while sessions go on; a wrong one changes nothing', async () => {
  const [old, renewed] = ['', 'renewed.'].map((name) => ({
    cert: fixture(`${name}cert`),
    key: fixture(`${name}key`),
  })) as [{ cert: string; key: string }, { cert: string; key: string }];
  const secured = await startServer({ ...prepared, threads: 1, tls: old });
  const trusts = (pair: { cert: string }) => ({ pool, ca: readFileSync(pair.cert) });
  const session = await connect(secured.url, trusts(old));
  await session.prepare();
  expect(() => secured.reload({ tls: { ...renewed, key: old.key } })).toThrow(/is not the key/);
  await expect(connect(secured.url, trusts(renewed))).rejects.toThrow(/certificate/);
  secured.reload({ tls: renewed });
  await (await connect(secured.url, trusts(renewed))).close();
  expect((await session.infer(images[0]!)).logits).toHaveLength(5);
  await session.close();
  await secured.close();
});

test('a server that goes away ends its sessions with a reason; its port can be taken again', async () => {
  const short = await startServer({ ...prepared, threads: 1 });
  const session = await connect(short.url, { pool });
  const { port } = new URL(short.url);
  await expect(startServer({ ...prepared, threads: 1, port: Number(port) })).rejects.toThrow(/EADDRINUSE/);
  await short.close();
  await expect(session.infer(images[0]!)).rejects.toThrow(/the server is shutting down|the peer left/);
  await session.close();
  const again = await startServer({ ...prepared, threads: 1, port: Number(port) });
  await again.close();
});

test('the longest plan is bounded', () => {
  expect(largestPayloads(prepared.plan).down).toBeGreaterThanOrEqual(maxPlanBytes);
});

describe('what an operator’s tools ask', () => {
  const ask = (url: string, path: string, init?: RequestInit) =>
    fetch(url.replace(/^ws/, 'http') + path, init);

  test('whether it lives, whether it takes clients, and which models it has', async () => {
    expect(await (await ask(server.url, '/healthz')).text()).toBe('ok\n');
    expect((await ask(server.url, '/readyz', { method: 'HEAD' })).status).toBe(200);
    const hash = planHash(prepared.plan);
    const models = await ask(server.url, '/models');
    expect(await models.json()).toEqual({ models: [{ name: prepared.plan.name, plan_hash: hash }] });
    for (const [path, method] of [
      ['/other', 'GET'],
      ['/healthz', 'POST'],
      ['/constructor', 'GET'],
    ] as const)
      expect((await ask(server.url, path, { method })).status).toBe(426);
  });

  test('a server that shuts down is not ready, and models are for known clients only', async () => {
    const token = 'a-token-0123456789';
    const named = await startServer({ ...prepared, threads: 1, tokens: [token] });
    expect((await ask(named.url, '/models')).status).toBe(401);
    const headers = { authorization: `Bearer ${token}` };
    expect((await ask(named.url, '/models', { headers })).status).toBe(200);
    const session = await connect(named.url, { pool, token });
    await session.prepare();
    const closed = named.close({ drainSeconds: 60 });
    await expect(ask(named.url, '/readyz')).rejects.toThrow();
    await session.infer(images[0]!);
    await closed;
    await session.close();
  });
});

describe('places', () => {
  test('silent sockets lose theirs after the handshake’s deadline, whatever the idle limit', async () => {
    const small = await startServer({
      ...prepared,
      ...{ threads: 1, maxSessions: 2, handshakeSeconds: 0.3, idleSeconds: 600 },
    });
    const silent = await Promise.all([rawSocket(small.url), rawSocket(small.url)]);
    await expect(connect(small.url, { pool })).rejects.toThrow('the server is busy');
    await Promise.all(silent.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
    const session = await connect(small.url, { pool });
    await session.close();
    await small.close();
  });

  test('a client that has said which plan it wants may take longer to read it, up to the idle limit', async () => {
    const small = await startServer({ ...prepared, threads: 1, handshakeSeconds: 0.3, idleSeconds: 600 });
    const channel = await rawChannel(small.url);
    const send = channel.send.bind(channel);
    channel.send = async (tag, step, payload) => {
      if (tag === tags.accept) await new Promise((resolve) => setTimeout(resolve, 900));
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

describe('closing', () => {
  test('an inference that has begun gets its answer, idle sessions end at once, nobody new comes in', async () => {
    const draining = await startServer({ ...prepared, threads: 1 });
    const [busy, idle] = [await connect(draining.url, { pool }), await connect(draining.url, { pool })];
    await busy.prepare();
    const closed = draining.close({ drainSeconds: 60 });
    await expect(idle.infer(images[0]!)).rejects.toThrow('the server is shutting down');
    await expect(connect(draining.url, { pool })).rejects.toThrow(ProtocolError);
    expect((await busy.infer(images[0]!)).logits).toHaveLength(5);
    await closed;
    await expect(busy.prepare()).rejects.toThrow('the server is shutting down');
    await Promise.all([busy.close(), idle.close()]);
  });

  test('without time to drain a prepared inference is given up', async () => {
    const hurried = await startServer({ ...prepared, threads: 1 });
    const session = await connect(hurried.url, { pool });
    await session.prepare();
    await hurried.close();
    await expect(session.infer(images[0]!)).rejects.toThrow('the server is shutting down');
    await session.close();
  });
});
