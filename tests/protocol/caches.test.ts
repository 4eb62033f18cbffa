import { expect, test, vi } from 'vitest';
import { weightSpace } from '../../crypto/he/engine.ts';
import { heapOf } from '../../crypto/he/heap.ts';
import { HeServer, linearCost } from '../../crypto/he/linear.ts';
import type { OfferSilently } from '../../crypto/ot/jobs.ts';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { predict } from '../../models/runtime/run.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import { clientCaches, serverCaches } from '../../pipelines/inference/caches.ts';
import { logitErrorBound } from '../../pipelines/simulate/error-bound.ts';
import { connect } from '../../src/client.ts';
import { startServer } from '../../src/server.ts';
import { randomImages } from '../helpers/data/data.ts';
import { residualNet } from '../helpers/networks/networks.ts';
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

type Kept = {
  /** Bytes of the heap of the server's pool. */
  readonly heap: number;
  /** Of the iterations of silent transfers of both parties. */
  readonly indices: readonly unknown[];
};

/** What is kept after so many answers, which are right. */
async function keptWith(memory: number | undefined, answers: number): Promise<Kept> {
  const create = vi.spyOn(HeServer, 'create');
  const run = vi.spyOn(ThreadPool.prototype, 'run');
  const server = await startServer({ ...prepared, threads: 1, ...(memory !== undefined && { memory }) });
  const pool = new ThreadPool(1);
  try {
    const session = await connect(server.url, {
      pool,
      transfers: 'silent',
      ...(memory !== undefined && { memory }),
    });
    for (let i = 0; i < answers; i++) {
      const answer = await session.infer(image);
      const { likely } = logitErrorBound(prepared);
      answer.logits!.forEach((y, n) => expect(Math.abs(y - logits[n]!)).toBeLessThan(likely));
    }
    await session.close();
    const [own, , , options] = create.mock.lastCall!;
    expect(options!.weightCacheBytes).toBe(serverCaches(memory, 1).weightBytes);
    const iterations = run.mock.calls.filter(([{ name }]) => name.endsWith('Silently'));
    return {
      heap: heapOf(own).heap.memory.buffer.byteLength,
      indices: iterations.map(([, input]) => (input as OfferSilently).turn.indices),
    };
  } finally {
    create.mockRestore();
    run.mockRestore();
    await server.close();
    await pool.close();
  }
}

test('with less memory a server keeps fewer weights, both parties draw their indices, and answers are as right', async () => {
  expect(tiles).toBeGreaterThan(4);
  const usual = await keptWith(undefined, 1);
  // Two tiles, and the quarters of rows.
  const tight = await keptWith(4 * weightSpace, 2);
  expect(serverCaches(4 * weightSpace, 1).weightBytes).toBe(2 * weightSpace);
  expect(clientCaches(4 * weightSpace, 1).aheadBytes).toBe(2 * weightSpace);
  // The usual one has a whole slab of 83 slots, the tight one the least block that the heap gives.
  expect(usual.heap - tight.heap).toBeGreaterThan(75 * weightSpace);
  // Both directions, both parties.
  expect(usual.indices).toEqual(['kept', 'kept', 'kept', 'kept']);
  expect(tight.indices).toEqual(['drawn', 'drawn', 'drawn', 'drawn']);
});
