import { afterAll, expect, test } from 'vitest';
import { publicWords } from '../../../crypto/he/engine.ts';
import { heapOf } from '../../../crypto/he/heap.ts';
import { publicKeyBytes } from '../../../crypto/he/keys.ts';
import { heJobs, heServerJobs } from '../../../crypto/he/jobs.ts';
import { namedJobs, job, split } from '../../../crypto/pool/pool.ts';
import type { Job, WorkerPool } from '../../../crypto/pool/pool.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { seedParts } from '../../helpers/protocol/he.ts';
import { seededRng } from '../../helpers/rng.ts';

const pool = new ThreadPool(1);
afterAll(() => pool.close());

test('a job has the name of its key', () => {
  expect(namedJobs({ first: job<number, string>(), second: job<void, void>() })).toEqual({
    first: { name: 'first' },
    second: { name: 'second' },
  });
});

test('keys come whole out of a thread, and a buffer given to one moves there', async () => {
  const { heap } = heapOf(pool);
  const secret = await pool.run(heJobs.generateKey, { heap });
  expect(secret.some((word) => word !== 0)).toBe(true);
  const parts = seedParts(seededRng('pool'));
  const publicKey = await pool.run(heJobs.publicKeys, { heap, secret, parts, linearKeys: 1 });
  const check = { heap, publicKey, parts, linearKeys: 1 };
  const whole = { length: publicWords };
  await expect(pool.run(heServerJobs.checkPublicKey, check)).resolves.toMatchObject(whole);
  const moved = pool.run(heServerJobs.checkPublicKey, check, [publicKey.buffer]);
  expect(publicKey.length).toBe(0);
  await expect(moved).resolves.toMatchObject(whole);
});

test("the class of a peer's fault comes back through a thread; another failure names the job", async () => {
  const publicKey = new Uint8Array(publicKeyBytes(1)).fill(0xff);
  const bad = { heap: heapOf(pool).heap, publicKey, parts: seedParts(seededRng('bad')), linearKeys: 1 };
  await expect(pool.run(heServerJobs.checkPublicKey, bad)).rejects.toThrow(ProtocolError);
  const unknown = namedJobs({ nobody: job<void, void>() });
  await expect(pool.run(unknown.nobody, undefined)).rejects.toThrow(/^job nobody: /);
});

/** Runs a part when it is told to, and records which ran. */
function heldPool(threads: number) {
  const running: { input: unknown; finish: (value: unknown) => void; fail: (error: Error) => void }[] = [];
  const pool: WorkerPool = {
    threads,
    run: <I, O>(_: Job<I, O>, input: I) =>
      new Promise<O>((finish, fail) =>
        running.push({ input, finish: finish as (value: unknown) => void, fail }),
      ),
    close: () => Promise.resolve(),
  };
  return { pool, running };
}

const range = namedJobs({ range: job<readonly [number, number], string>() }).range;

test('a job is cut into one part per thread, and no more than there is to do', async () => {
  const { pool, running } = heldPool(3);
  const outputs = split(pool, range, 8, (from, to) => [from, to] as const);
  expect(running.map(({ input }) => input)).toEqual([
    [0, 2],
    [2, 5],
    [5, 8],
  ]);
  for (const { finish, input } of [...running].reverse()) finish(String(input));
  expect(await outputs).toEqual(['0,2', '2,5', '5,8']);
  void split(pool, range, 2, (from, to) => [from, to] as const);
  expect(running).toHaveLength(5);
});

test('a failed part rejects the whole only when the other parts have ended', async () => {
  const { pool, running } = heldPool(2);
  let settled = false;
  const outputs = split(pool, range, 2, (from, to) => [from, to] as const).finally(() => (settled = true));
  const outcome = expect(outputs).rejects.toThrow('lost');
  running[0]!.fail(new Error('lost'));
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(settled).toBe(false);
  running[1]!.finish('done');
  await outcome;
});
