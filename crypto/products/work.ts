import { withRows } from '../ot/transfers.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { loadPlanes } from '../ring/planes.ts';
import type { Planes } from '../ring/planes.ts';
import { productJobs, productServerJobs } from './jobs.ts';
import type { ClientProductsJob, ServerProductKeysJob, ServerProductsJob } from './jobs.ts';
import { clientProducts, serverProductKeys, serverProducts } from './products.ts';
import type { ClientProducts, ServerProductKeys } from './products.ts';

/** Who does a client's offline work of products: this thread or a pool's. */
export type ClientProductWork = {
  clientProducts(input: ClientProductsJob): Promise<ClientProducts>;
};

/** The same of a server. */
export type ServerProductWork = {
  serverProductKeys(input: ServerProductKeysJob): Promise<ServerProductKeys>;
  /** Rejects as `serverProducts` throws. */
  serverProducts(input: ServerProductsJob): Promise<Uint32Array<ArrayBuffer>>;
};

/** A client's work of a batch on this thread. */
export function clientProductsOf(planes: Planes) {
  return {
    clientProducts: ({ salt, delta, rows, u }: ClientProductsJob) =>
      clientProducts(planes, salt, delta, rows, u),
  };
}

/** A server's work of a batch on this thread. */
export function serverProductsOf(planes: Planes) {
  return {
    serverProductKeys: ({ size, salt, rows }: ServerProductKeysJob) =>
      serverProductKeys(planes, size, salt, rows),
    serverProducts: ({ keys, corrections }: ServerProductsJob) => serverProducts(keys, corrections),
  };
}

/** Smaller batches stay on this thread: under half a millisecond of work. */
const shortBatch = 512;

const threads = (pool: WorkerPool | undefined, size: number) => (size < shortBatch ? undefined : pool);

/** Long batches go to the threads of `pool`, if there is one. */
export async function clientProductWork(pool?: WorkerPool): Promise<ClientProductWork> {
  const here = clientProductsOf(await loadPlanes());
  return {
    clientProducts: (input) => {
      // The factors are a part of all those of a layer.
      const own = { ...input, u: new Uint32Array(input.u) };
      return withRows(threads(pool, input.u.length), productJobs.clientProducts, own, here.clientProducts);
    },
  };
}

/** The same for a server. */
export async function serverProductWork(pool?: WorkerPool): Promise<ServerProductWork> {
  const here = serverProductsOf(await loadPlanes());
  return {
    serverProductKeys: (input) =>
      withRows(threads(pool, input.size), productServerJobs.serverProductKeys, input, here.serverProductKeys),
    serverProducts: async (input) => {
      const pooled = threads(pool, input.keys.a.length);
      if (pooled === undefined) return here.serverProducts(input);
      const corrections = new Uint8Array(input.corrections);
      return pooled.run(productServerJobs.serverProducts, { ...input, corrections }, [corrections.buffer]);
    },
  };
}
