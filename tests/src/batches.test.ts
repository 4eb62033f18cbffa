import { afterAll, beforeAll, expect, test } from 'vitest';
import { tags } from '../../crypto/channel/channel.ts';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { predict } from '../../models/runtime/run.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import type { RunningServer, ServerEvent } from '../../src/server.ts';
import { cuttingProxy } from '../helpers/protocol/cutting-proxy.ts';
import type { Passed } from '../helpers/protocol/cutting-proxy.ts';
import { randomImages } from '../helpers/data/data.ts';
import { seededRng } from '../helpers/rng.ts';
import { servedNet } from './fixtures/served-net.ts';

const n = 7;
const pool = new ThreadPool(1);
const events: ServerEvent[] = [];
let server: RunningServer;
let images: Float32Array[];
let expected: Float32Array[];
/** How far a logit may be from the network's. */
let bound: number;

beforeAll(async () => {
  const { model, prepared } = await servedNet();
  const all = randomImages(model, n, seededRng('a batch'));
  const logits = await predict(model, all, n);
  const part = (values: Float32Array, i: number) =>
    values.slice((i * values.length) / n, ((i + 1) * values.length) / n);
  images = Array.from({ length: n }, (_, i) => part(all, i));
  expected = Array.from({ length: n }, (_, i) => part(logits, i));
  bound = logitErrorBound(prepared).likely;
  server = await startServer({ ...prepared, threads: 1, onEvent: (event) => void events.push(event) });
});
afterAll(async () => {
  await server.close();
  await pool.close();
});

/** Whether logits are those of this image: within the bound, and nearer than those of any other image. */
function areOf(logits: Float32Array | undefined, image: number): boolean {
  const far = (other: number) =>
    Math.max(...logits!.map((value, i) => Math.abs(value - expected[other]![i]!)));
  return far(image) < bound && images.every((_, other) => far(image) <= far(other));
}

const payloads = (passed: readonly Passed[], tag: number) =>
  passed.filter((frame) => frame.tag === tag).map(({ payload }) => payload);

test('a batch gives the answers of single inferences in their order, in shared round trips', async () => {
  const proxy = await cuttingProxy(server.url);
  const session = await connect(proxy.url, { pool });
  for (let i = 0; i < 3; i++) await session.prepare();
  const before = proxy.passed.length;
  const order: number[] = [];
  const results = await session.inferAll(images, { onAnswer: (_, index) => order.push(index) });
  expect(order).toEqual(images.map((_, i) => i));
  results.forEach(({ logits }, i) => expect(areOf(logits, i)).toBe(true));
  const passed = proxy.passed.slice(before);
  const requests = payloads(passed, tags.request).map((payload) => [...payload]);
  // Three are prepared, and are asked for at once: kind 2 and their numbers. Beside it the next is prepared.
  const infers = requests.filter(([kind]) => kind === 2);
  expect(infers[0]).toEqual([2, ...[1, 2, 3].flatMap((number) => [number, 0, 0, 0])]);
  expect(infers.length).toBeLessThan(n);
  // All masked images of a group leave before the first message of the server, and each is fresh.
  const online = passed.filter(({ tag }) => tag >= tags.masked).map(({ tag }) => tag);
  expect(online.slice(0, 4)).toEqual([tags.masked, tags.masked, tags.masked, tags.activation]);
  expect(new Set(payloads(passed, tags.masked).map((mask) => mask.toString('hex'))).size).toBe(n);
  expect(payloads(passed, tags.grant)).toHaveLength(n - 3);
  await session.close();
  proxy.close();
});

test('an offline phase runs beside answers: its frames come between theirs', async () => {
  const proxy = await cuttingProxy(server.url);
  const session = await connect(proxy.url, { pool });
  await session.prepare();
  const before = proxy.passed.length;
  const results = await session.inferAll(images.slice(0, 3));
  results.forEach(({ logits }, i) => expect(areOf(logits, i)).toBe(true));
  const kinds = proxy.passed
    .slice(before)
    .map(({ tag }) => (tag >= tags.masked ? 'on' : tag >= tags.linearRequest ? 'off' : ''));
  expect(kinds.lastIndexOf('on')).toBeGreaterThan(kinds.indexOf('off'));
  expect(kinds.indexOf('off')).toBeLessThan(kinds.lastIndexOf('on'));
  // A single inference goes on as before.
  expect(areOf((await session.infer(images[4]!)).logits, 4)).toBe(true);
  await session.close();
  proxy.close();
});

test('an image in the middle that does not fit is refused before anything is sent', async () => {
  const proxy = await cuttingProxy(server.url);
  const session = await connect(proxy.url, { pool });
  const before = proxy.passed.length;
  const bad = images.with(2, images[2]!.subarray(1));
  await expect(session.inferAll(bad)).rejects.toThrow(/^image 2: expected \[/);
  const notFinite = images.with(3, images[3]!.with(5, NaN));
  await expect(session.inferAll(notFinite)).rejects.toThrow(/^image 3: value 5/);
  expect(proxy.passed).toHaveLength(before);
  expect(await session.inferAll([])).toEqual([]);
  await session.close();
  proxy.close();
});

test('a connection that is cut in the middle: the rest is answered over another one, no mask serves twice', async () => {
  const proxy = await cuttingProxy(server.url);
  const session = await connect(proxy.url, { pool, retrySeconds: 60 });
  for (let i = 0; i < 4; i++) await session.prepare();
  events.length = 0;
  // Request, four masked images, and some of what follows.
  proxy.cutAfter(9);
  const results = await session.inferAll(images);
  results.forEach(({ logits }, i) => expect(areOf(logits, i)).toBe(true));
  expect(events.map(({ kind }) => kind)).toContain('opened');
  const masks = payloads(proxy.passed, tags.masked).map((mask) => mask.toString('hex'));
  expect(masks.length).toBeGreaterThan(n);
  expect(new Set(masks).size).toBe(masks.length);
  await session.close();
  proxy.close();
});

test('without time to retry it ends, and what was answered is known', async () => {
  const proxy = await cuttingProxy(server.url);
  const session = await connect(proxy.url, { pool });
  for (let i = 0; i < 2; i++) await session.prepare();
  const told: number[] = [];
  const asked = session.inferAll(images, {
    onAnswer: (_, index) => {
      told.push(index);
      if (index === 1) proxy.cutAfter(3);
    },
  });
  await expect(asked).rejects.toThrow(/left in the middle|connection/);
  expect(told.slice(0, 2)).toEqual([0, 1]);
  expect(told.length).toBeLessThan(n);
  await session.close();
  proxy.close();
});
