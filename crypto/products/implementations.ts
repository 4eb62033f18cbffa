import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import { loadPlanes } from '../ring/planes.ts';
import type { productJobs } from './jobs.ts';
import { productsOf } from './work.ts';

/** Loaded in threads alone. */
export const productImplementations: Implementations<typeof productJobs> = {
  clientProducts: async (input) => {
    const made = productsOf(await loadPlanes()).clientProducts(input);
    return new Moved(made, [made.share.buffer, made.corrections.buffer]);
  },
  serverProductKeys: async (input) => {
    const keys = productsOf(await loadPlanes()).serverProductKeys(input);
    return new Moved(keys, [keys.a.buffer, keys.keys.buffer]);
  },
  serverProducts: async (input) => {
    const share = productsOf(await loadPlanes()).serverProducts(input);
    return new Moved(share, [share.buffer]);
  },
};
