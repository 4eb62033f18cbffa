import { createKernelMemory } from '../../../crypto/he/kernels.ts';
import { readLinearKernels } from '../../../crypto/he/server-engine.ts';
import { generateKey, publicKeys } from '../../../crypto/he/key-jobs.ts';
import { checkPublicKey } from '../../../crypto/he/server-jobs.ts';
import { seedPartBytes } from '../../../crypto/he/keys.ts';
import type { SeedParts } from '../../../crypto/he/keys.ts';
import { HeServer } from '../../../crypto/he/linear.ts';
import type { HeServerOptions, HeClient } from '../../../crypto/he/linear.ts';
import type { JobTools, WorkerPool } from '../../../crypto/pool/pool.ts';
import { loadRing } from '../../../crypto/ring/kernels.ts';
import type { Rng } from '../../../src/shared/random.ts';

/** What a thread has for its jobs, for jobs that run in the test's thread. */
export const heTools: JobTools = { ring: await loadRing(), heKernels: await readLinearKernels() };

let heaps = 1000;
/** A heap of its own for such jobs. */
export const newHeap = () => ({ id: heaps++, memory: createKernelMemory() });

export function seedParts(rng: Rng): SeedParts {
  return { client: rng.bytes(seedPartBytes), server: rng.bytes(seedPartBytes) };
}

/** Both sides of a session, by jobs in the test's thread. */
export async function heSession(rng: Rng, heap = newHeap(), linearKeys = 1) {
  const secret = await generateKey({ heap }, heTools);
  const parts = seedParts(rng);
  const publicKey = publicKeys({ heap, secret, parts, linearKeys }, heTools);
  const checked = checkPublicKey({ heap, publicKey, parts, linearKeys }, heTools);
  return { heap, secret, checked, publicKey, parts };
}

/** A server for a client, on the client's pool if none is given. */
export async function heServerOf(
  client: HeClient,
  rng: Rng,
  pool: WorkerPool = client.pool,
  options: HeServerOptions = {},
): Promise<HeServer> {
  const parts = seedParts(rng);
  return HeServer.create(pool, await client.publicKey(parts, options.linearKeys), parts, options);
}
