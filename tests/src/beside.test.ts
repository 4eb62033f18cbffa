import { afterAll, beforeAll, expect, test } from 'vitest';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import type { WorkerPool } from '../../crypto/pool/pool.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import type { RunningServer, ServerEvent } from '../../src/server.ts';
import { ConnectionError } from '../../src/shared/errors.ts';
import { cuttingProxy } from '../helpers/protocol/cutting-proxy.ts';
import { tinyImage, tinyPlan, tinyWeights } from '../helpers/networks/networks.ts';

const pool = new ThreadPool(1);
const events: ServerEvent[] = [];
let server: RunningServer;
beforeAll(async () => {
  const onEvent = (event: ServerEvent) => void events.push(event);
  server = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1, onEvent });
});
afterAll(async () => {
  await server.close();
  await pool.close();
});

/** A pool whose jobs wait while its gate is closed. Offline phases need jobs, online phases do not. */
function gatedPool() {
  let gate = Promise.resolve();
  let open: () => void = () => undefined;
  const gated: WorkerPool = {
    threads: pool.threads,
    base: pool,
    run: async (...job) => {
      await gate;
      return pool.run(...job);
    },
    close: () => Promise.resolve(),
  };
  const close = () => {
    ({ promise: gate, resolve: open } = Promise.withResolvers<void>());
  };
  return { gated, close, open: () => open() };
}

/** A session that has two prepared, and whose background then hangs in the preparation of a third. */
async function hangingSession(url: string) {
  const { gated, close, open } = gatedPool();
  const session = await connect(url, { pool: gated, ahead: 2, retrySeconds: 20 });
  // The background prepares one before this one.
  await session.prepare();
  close();
  expect((await session.infer(tinyImage())).logits).toHaveLength(3);
  return { session, open };
}

test('an answer does not wait for what its own session prepares in the background', async () => {
  const { session, open } = await hangingSession(server.url);
  // The preparation of the next one hangs; what is ready answers, until nothing is left.
  expect((await session.infer(tinyImage())).logits).toHaveLength(3);
  let isAnswered = false;
  const answer = session.infer(tinyImage()).then(({ logits }) => {
    isAnswered = true;
    return logits;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(isAnswered).toBe(false);
  open();
  expect(await answer).toHaveLength(3);
  await session.close();
});

test('a preparation that hangs over a lost connection does not end the one that took its place', async () => {
  const proxy = await cuttingProxy(server.url);
  const { session, open } = await hangingSession(proxy.url);
  events.length = 0;
  // The request alone leaves; the inference is spent.
  proxy.cutAfter(1);
  await expect(session.infer(tinyImage())).rejects.toThrow(ConnectionError);
  open();
  for (let i = 0; i < 3; i++) expect((await session.infer(tinyImage())).logits).toHaveLength(3);
  const kinds = events.map(({ kind }) => kind).filter((kind) => kind === 'inference' || kind === 'opened');
  expect(kinds).toEqual(['opened', 'inference', 'inference', 'inference']);
  await session.close();
  proxy.close();
});
