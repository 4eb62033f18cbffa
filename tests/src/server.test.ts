import { afterAll, beforeAll, expect, test } from 'vitest';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { maxPlanBytes } from '../../pipelines/plan/codec.ts';
import { largestPayloads } from '../../pipelines/cost/bytes.ts';
import type { Prepared } from '../../pipelines/compile/served-plan.ts';
import { connect } from '../../src/client.ts';
import { RefusedError } from '../../src/shared/errors.ts';
import { testTerms } from '../helpers/protocol/offers.ts';
import { freePort } from '../helpers/processes/free-port.ts';
import { watchedServer } from '../helpers/processes/watched-server.ts';
import type { WatchedServer } from '../helpers/processes/watched-server.ts';
import { servedNet } from './fixtures/served-net.ts';

// What a server does for clients that keep to the protocol.

/** Of all clients here. */
const pool = new ThreadPool(1);
let prepared: Prepared;
let images: Float32Array[];
let server: WatchedServer;

beforeAll(async () => {
  ({ prepared, images } = await servedNet());
  server = await watchedServer({ ...prepared, threads: 1, maxSessions: 3 });
});
afterAll(async () => {
  await server.close();
  await pool.close();
});

test('nobody there: one line that names the address', async () => {
  const port = await freePort();
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
  expect((await server.eventOf('closed')).error).toBeUndefined();
});

test('the client, and only it, hears of values outside the range of the calibration images', async () => {
  const [image] = images as [Float32Array];
  const session = await connect(server.url, { pool });
  expect((await session.infer(image)).outsideRange).toBeUndefined();
  const { scale, bits } = prepared.plan.wires[prepared.plan.input.wire]!;
  const limit = 2 ** bits / scale;
  const outside = Float32Array.from(image, (value, i) => (i < 3 ? -(i + 1) * limit : value));
  const { outsideRange } = await session.infer(outside);
  expect(outsideRange).toEqual({ values: 3, largest: 3 * limit, limit });
  await session.close();
  expect((await server.eventOf('closed')).error).toBeUndefined();
});

test('a server tells what it has prepared, before anybody asks for it', async () => {
  const session = await connect(server.url, { pool });
  await session.prepare();
  const { offline, peer } = await server.eventOf('prepared');
  expect([offline.bytes_up > 0, peer]).toEqual([true, '127.0.0.1']);
  await session.close();
  expect((await server.eventOf('closed')).error).toBeUndefined();
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
  expect((await server.eventOf('closed')).error).toBeUndefined();
});

test('preparing without end is refused, and the session with what it has prepared goes on', async () => {
  const session = await connect(server.url, { pool });
  expect(session.limits).toEqual(testTerms.limits);
  for (let i = 0; i < 4; i++) await session.prepare();
  const refused = session.prepare();
  await expect(refused).rejects.toThrow('4 inferences are prepared already, the most allowed');
  await expect(refused).rejects.toThrow(RefusedError);
  expect((await server.eventOf('limited')).reason).toMatch(/^4 inferences are prepared already/);
  for (let i = 0; i < 4; i++) expect((await session.infer(images[0]!)).logits).toHaveLength(5);
  await session.prepare();
  await session.close();
  expect((await server.eventOf('closed')).error).toBeUndefined();
});

test('two calls of a session at once are refused', async () => {
  const session = await connect(server.url, { pool });
  const running = session.infer(images[0]!);
  await expect(session.infer(images[1]!)).rejects.toThrow('session: expected one call at a time');
  expect((await running).logits!.length).toBe(5);
  await session.close();
  expect((await server.eventOf('closed')).error).toBeUndefined();
});

test('two sessions at once do not disturb each other', async () => {
  const sessions = await Promise.all([0, 1].map(() => connect(server.url, { pool })));
  const results = await Promise.all(sessions.map((session, i) => session.infer(images[i]!)));
  expect(results[0]!.logits).not.toEqual(results[1]!.logits);
  await Promise.all(sessions.map((session) => session.close()));
  for (let i = 0; i < 2; i++) expect((await server.eventOf('closed')).error).toBeUndefined();
});

test('the longest plan is bounded', () => {
  expect(largestPayloads(prepared.plan).down).toBeGreaterThanOrEqual(maxPlanBytes);
});
