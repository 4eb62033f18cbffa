import { afterAll, beforeAll, expect, test } from 'vitest';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { argmax } from '../../models/tensor.ts';
import { predict } from '../../models/runtime/run.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../pipelines/compile/served-plan.ts';
import { predictCost } from '../../pipelines/cost/bytes.ts';
import { planHash } from '../../pipelines/plan/codec.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import type { RunningServer } from '../../src/server.ts';
import { randomImages } from '../helpers/data/data.ts';
import { mixedNet } from '../helpers/networks/networks.ts';
import { seededRng } from '../helpers/rng.ts';

const n = 6;
const model = mixedNet(seededRng(3));
const images = randomImages(model, n, seededRng('images'));
const size = images.length / n;
const calibration = { images, n };
const pool = new ThreadPool(1);
let label: Prepared;
let server: RunningServer;

beforeAll(async () => {
  label = await prepare(model, { calibration, answer: 'label' });
  server = await startServer({ ...label, threads: 1 });
});
afterAll(async () => {
  await server.close();
  await pool.close();
});

test('over sockets, a server of labels: several answers of a session, at the bytes of the plan', async () => {
  const prediction = predictCost(label.plan);
  const { likely } = logitErrorBound(label);
  const session = await connect(server.url, { pool, planHash: planHash(label.plan) });
  expect(session.plan.output.answer).toBe('label');
  await session.prepare();
  const float = await predict(model, images, n);
  const labels = new Set<number>();
  for (let i = 0; i < n; i++) {
    const result = await session.infer(images.subarray(i * size, (i + 1) * size));
    const row = float.subarray(5 * i, 5 * (i + 1));
    expect(Math.max(...row) - row[result.label]!).toBeLessThan(2 * likely);
    expect(Object.keys(result)).not.toContain('logits');
    expect(result.online).toMatchObject({ ...prediction.online, rounds: prediction.rounds });
    labels.add(result.label);
  }
  await session.close();
  expect(labels.size).toBe(
    new Set(Array.from({ length: n }, (_, i) => argmax(float.subarray(5 * i, 5 * i + 5)))).size,
  );
});

test('a client that pinned the plan with logits refuses the one with labels', async () => {
  const logits = await prepare(model, { calibration });
  expect(planHash(logits.plan)).not.toBe(planHash(label.plan));
  await expect(connect(server.url, { pool, planHash: planHash(logits.plan) })).rejects.toThrow(/plan/);
});
