import { expect, test } from 'vitest';
import { heapOf } from '../../../crypto/he/heap.ts';
import { FairPool } from '../../../crypto/pool/fair-pool.ts';
import { job, namedJobs } from '../../../crypto/pool/pool.ts';
import type { Job, WorkerPool } from '../../../crypto/pool/pool.ts';

const { named } = namedJobs({ named: job<string, string>() });

/** A pool whose jobs end when the test says so; `started` has their names in order. */
function heldPool(threads: number) {
  const started: string[] = [];
  const ends: PromiseWithResolvers<string>[] = [];
  const pool: WorkerPool = {
    threads,
    run: <I, O>(_: Job<I, O>, input: I) => {
      started.push(String(input));
      const end = Promise.withResolvers<string>();
      ends.push(end);
      return end.promise as Promise<O>;
    },
    close: () => Promise.resolve(),
  };
  return { pool, started, ends };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('owners take turns, however many jobs one has asked for before', async () => {
  const { pool, started, ends } = heldPool(1);
  const fair = new FairPool(pool);
  const outputs = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2'].map((name) =>
    fair.of(name[0]!).run(named, name),
  );
  for (let i = 0; i < 7; i++) {
    ends[i]!.resolve(started[i]!);
    await turn();
  }
  expect(started).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4']);
  expect(await Promise.all(outputs)).toEqual(['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2']);
});

test('as many jobs run at once as there are threads, and a job that fails frees its thread', async () => {
  const { pool, started, ends } = heldPool(2);
  const fair = new FairPool(pool);
  const [first, ...others] = ['a1', 'a2', 'b1', 'b2'].map((name) => fair.of(name[0]!).run(named, name));
  expect(started).toEqual(['a1', 'a2']);
  ends[0]!.reject(new Error('the thread died'));
  await expect(first).rejects.toThrow('the thread died');
  await turn();
  expect(started).toEqual(['a1', 'a2', 'b1']);
  for (let i = 1; i < 4; i++) {
    ends[i]!.resolve('');
    await turn();
  }
  await Promise.all(others);
});

test('all owners share one memory of kernels: that of the pool', () => {
  const { pool } = heldPool(1);
  const fair = new FairPool(pool);
  const heap = heapOf(pool);
  expect(heapOf(fair.of('a'))).toBe(heap);
  expect(heapOf(fair.of('b'))).toBe(heap);
  expect(heapOf(heldPool(1).pool)).not.toBe(heap);
});
