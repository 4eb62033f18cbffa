import { afterAll, expect, test } from 'vitest';
import { heapOf } from '../../../crypto/he/heap.ts';
import { heJobs } from '../../../crypto/he/jobs.ts';
import { HeClient, linearRequestBytes, linearResponseBytes } from '../../../crypto/he/linear.ts';
import { outputCount } from '../../../crypto/he/pack.ts';
import { layoutOf } from '../../../crypto/he/layout.ts';
import { linearParams } from '../../../crypto/params.ts';
import type { Job, WorkerPool } from '../../../crypto/pool/pool.ts';
import { ThreadPool } from '../../../crypto/worker/thread-pool.ts';
import { convolution } from '../../helpers/protocol/convolution.ts';
import { seedParts } from '../../helpers/protocol/he.ts';
import { seededRng } from '../../helpers/rng.ts';

const threads = new ThreadPool(1);
afterAll(() => threads.close());

/** The pool, and the secret keys that go to its threads. */
function watched(): { pool: WorkerPool; secrets: Uint32Array[] } {
  const secrets: Uint32Array[] = [];
  const run = <I, O>(job: Job<I, O>, input: I, moved?: readonly ArrayBuffer[]) => {
    const { secret } = input as { secret?: Uint32Array };
    if (secret !== undefined) secrets.push(secret);
    return threads.run(job, input, moved);
  };
  return { pool: { threads: 1, base: threads, run, close: () => Promise.resolve() }, secrets };
}

/** How many of the runs of 16 words of the key, in any place, are in the memory that the threads share. */
function partsFound(key: Uint32Array): number {
  const memory = new Uint32Array(heapOf(threads).heap.memory.buffer);
  const starts = new Map<number, number>();
  for (let at = 0; at < key.length; at += 16) starts.set(key[at]!, at);
  let found = 0;
  memory.forEach((word, i) => {
    const at = starts.get(word);
    if (at === undefined || word === 0) return;
    if (key.subarray(at, at + 16).every((part, k) => memory[i + k] === part)) found++;
  });
  return found;
}

const spec = convolution(2, 3, 6, 3);

test('no job of the client leaves a part of its key behind', async () => {
  const { heap } = heapOf(threads);
  const secret = await threads.run(heJobs.generateKey, { heap });
  expect(partsFound(secret)).toBe(0);
  const parts = seedParts(seededRng('wiped'));
  await threads.run(heJobs.publicKeys, { heap, secret, parts, linearKeys: 1 });
  expect(partsFound(secret)).toBe(0);
  const { degree } = linearParams;
  const packed = new Uint32Array(degree);
  const request = new Uint8Array(linearRequestBytes(spec));
  await threads.run(heJobs.encryptLinear, { heap, secret, packed, request, from: 0, to: 1 });
  expect(partsFound(secret)).toBe(0);
  const response = new Uint8Array(linearResponseBytes(spec));
  const to = outputCount(layoutOf(spec));
  const shares = new Uint32Array(degree * to);
  await threads.run(heJobs.decryptLinear, { heap, secret, spec, response, shares, first: 0, from: 0, to });
  expect(partsFound(secret)).toBe(0);
  // A key that is there is found.
  new Uint32Array(heap.memory.buffer).set(secret, 0);
  expect(partsFound(secret)).toBeGreaterThan(1000);
  new Uint32Array(heap.memory.buffer).fill(0, 0, secret.length);
});

test('close overwrites the key in the memory that threads get it in, and nothing can be done with it after', async () => {
  const { pool, secrets } = watched();
  const client = await HeClient.create(pool);
  await client.publicKey(seedParts(seededRng('closed')));
  await client.encrypt(spec, new Uint32Array(2 * 36));
  expect(secrets).toHaveLength(2);
  for (const secret of secrets) {
    expect(secret.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(secret.some((word) => word !== 0)).toBe(true);
  }
  const key = secrets[0]!.slice();
  client.close();
  for (const secret of secrets) expect(secret.every((word) => word === 0)).toBe(true);
  expect(partsFound(key)).toBe(0);
  await expect(client.encrypt(spec, new Uint32Array(2 * 36))).rejects.toThrow('used after close');
});
