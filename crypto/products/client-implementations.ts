import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import { loadPlanes } from '../ring/planes.ts';
import type { productJobs } from './jobs.ts';
import { clientProductsOf } from './work.ts';

/** What a client's threads do. Loaded in threads alone. */
export const productClientImplementations: Implementations<typeof productJobs> = {
  clientProducts: async (input) => {
    const made = clientProductsOf(await loadPlanes()).clientProducts(input);
    return new Moved(made, [made.share.buffer, made.corrections.buffer]);
  },
};
