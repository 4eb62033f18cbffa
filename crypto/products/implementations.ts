import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import { loadPlanes } from '../ring/planes.ts';
import { productClientImplementations } from './client-implementations.ts';
import type { productJobs, productServerJobs } from './jobs.ts';
import { serverProductsOf } from './work.ts';

/** What the threads of both parties do. */
export const productImplementations: Implementations<typeof productJobs & typeof productServerJobs> = {
  ...productClientImplementations,
  serverProductKeys: async (input) => {
    const keys = serverProductsOf(await loadPlanes()).serverProductKeys(input);
    return new Moved(keys, [keys.a.buffer, keys.keys.buffer]);
  },
  serverProducts: async (input) => {
    const share = serverProductsOf(await loadPlanes()).serverProducts(input);
    return new Moved(share, [share.buffer]);
  },
};
