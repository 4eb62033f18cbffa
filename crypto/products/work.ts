import { withRows } from '../ot/transfers.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { loadPlanes } from '../ring/planes.ts';
import type { Planes } from '../ring/planes.ts';
import { productJobs } from './jobs.ts';
import type { ClientProductsJob, ServerProductKeysJob, ServerProductsJob } from './jobs.ts';
import { clientProducts, serverProductKeys, serverProducts } from './products.ts';
import type { ClientProducts, ServerProductKeys } from './products.ts';

/** Who does the offline work of products: this thread or a pool's. */
export type ProductWork = {
  clientProducts(input: ClientProductsJob): Promise<ClientProducts>;
  serverProductKeys(input: ServerProductKeysJob): Promise<ServerProductKeys>;
  /** Rejects as `serverProducts` throws. */
  serverProducts(input: ServerProductsJob): Promise<Uint32Array<ArrayBuffer>>;
};

/** The work of a batch on this thread. */
export function productsOf(planes: Planes) {
  return {
    clientProducts: ({ salt, delta, rows, u }: ClientProductsJob) =>
      clientProducts(planes, salt, delta, rows, u),
    serverProductKeys: ({ size, salt, rows }: ServerProductKeysJob) =>
      serverProductKeys(planes, size, salt, rows),
    serverProducts: ({ keys, corrections }: ServerProductsJob) => serverProducts(keys, corrections),
  };
}

/** Smaller batches stay on this thread: under half a millisecond of work. */
const shortBatch = 512;

/** Long batches go to the threads of `pool`, if there is one. */
export async function productWork(pool?: WorkerPool): Promise<ProductWork> {
  const here = productsOf(await loadPlanes());
  const threads = (size: number) => (size < shortBatch ? undefined : pool);
  return {
    clientProducts: (input) => {
      // The factors are a part of all those of a layer.
      const own = { ...input, u: new Uint32Array(input.u) };
      return withRows(threads(input.u.length), productJobs.clientProducts, own, here.clientProducts);
    },
    serverProductKeys: (input) =>
      withRows(threads(input.size), productJobs.serverProductKeys, input, here.serverProductKeys),
    serverProducts: async (input) => {
      const pooled = threads(input.keys.a.length);
      if (pooled === undefined) return here.serverProducts(input);
      const corrections = new Uint8Array(input.corrections);
      return pooled.run(productJobs.serverProducts, { ...input, corrections }, [corrections.buffer]);
    },
  };
}
