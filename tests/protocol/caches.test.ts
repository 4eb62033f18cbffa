import { expect, test, vi } from 'vitest';
import { weightSpace } from '../../crypto/he/engine.ts';
import { heapOf } from '../../crypto/he/heap.ts';
import { HeServer, linearCost } from '../../crypto/he/linear.ts';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { predict } from '../../models/runtime/run.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { clientCaches, serverCaches } from '../../pipelines/inference/caches.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import { randomImages } from '../helpers/data.ts';
import { residualNet } from '../helpers/networks.ts';
import { seededRng } from '../helpers/rng.ts';

/** `memory` of a server and a client bounds what they keep, and answers stay right. */
const model = residualNet(seededRng(7));
const images = randomImages(model, 4, seededRng('images'));
const prepared = await prepare(model, { calibration: { images, n: 4 } });
const image = images.subarray(0, images.length / 4);
const logits = await predict(model, image, 1);
const tiles = prepared.plan.steps.reduce(
  (sum, step) => sum + (step.kind === 'linear' ? linearCost(step.spec).products : 0),
  0,
);

/** Bytes of the heap of the server's pool after so many answers, which are right. */
async function heapWith(memory: number | undefined, answers: number): Promise<number> {
  const create = vi.spyOn(HeServer, 'create');
  const server = await startServer({ ...prepared, threads: 1, ...(memory !== undefined && { memory }) });
  const pool = new ThreadPool(1);
  try {
    const session = await connect(server.url, { pool, ...(memory !== undefined && { memory }) });
    for (let i = 0; i < answers; i++) {
      const answer = await session.infer(image);
      const { likely } = logitErrorBound(prepared);
      answer.logits!.forEach((y, n) => expect(Math.abs(y - logits[n]!)).toBeLessThan(likely));
    }
    await session.close();
    const [own, , , options] = create.mock.lastCall!;
    expect(options!.weightCacheBytes).toBe(serverCaches(memory).weightBytes);
    return heapOf(own).heap.memory.buffer.byteLength;
  } finally {
    create.mockRestore();
    await server.close();
    await pool.close();
  }
}

test('a server with less memory keeps fewer weights, and answers as right', async () => {
  expect(tiles).toBeGreaterThan(4);
  const usual = await heapWith(undefined, 1);
  // Two tiles, and the quarters of rows.
  const tight = await heapWith(4 * weightSpace, 2);
  expect(serverCaches(4 * weightSpace).weightBytes).toBe(2 * weightSpace);
  expect(clientCaches(4 * weightSpace).aheadBytes).toBe(2 * weightSpace);
  // The usual one has a whole slab of 83 slots, the tight one the least block that the heap gives.
  expect(usual - tight).toBeGreaterThan(75 * weightSpace);
});
