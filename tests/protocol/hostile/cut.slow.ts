import { afterAll, expect, test } from 'vitest';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { startServer } from '../../../src/server.ts';
import { tinyPlan, tinyWeights } from '../../helpers/networks/networks.ts';
import { cutSession } from '../cut-session.ts';

/** A cut after every frame; `npm run test:hostile`. Five of them are in tests/src/resume.test.ts. */
const pool = new ThreadPool(1);
const server = await startServer({ plan: tinyPlan, weights: tinyWeights(), threads: 1 });
afterAll(async () => {
  await server.close();
  await pool.close();
});

test('a connection that is cut after any frame costs at most the inference under way, and no mask goes twice', async () => {
  const { frames } = await cutSession(server, pool, Infinity);
  expect(frames).toBeGreaterThan(20);
  for (let cut = 1; cut <= frames; cut++) {
    const session = await cutSession(server, pool, cut);
    expect(session.lost.length, `frame ${cut}`).toBeLessThanOrEqual(1);
    expect(session.answers, `frame ${cut}`).toHaveLength(3 - session.lost.length);
    expect(session.granted, `frame ${cut}`).toBeLessThanOrEqual(4);
    expect(new Set(session.masked).size, `frame ${cut}`).toBe(session.masked.length);
  }
});
