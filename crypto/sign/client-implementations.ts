import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import { loadPlanes } from '../ring/planes.ts';
import type { signJobs } from './jobs.ts';
import { clientSignsOf } from './work.ts';

/** What a client's threads do. Loaded in threads alone. */
export const signClientImplementations: Implementations<typeof signJobs> = {
  clientKeys: async (input) => {
    const keys = clientSignsOf(await loadPlanes()).clientKeys(input);
    return new Moved(keys, [keys.k0.buffer, keys.k1.buffer, keys.h0.buffer, keys.h1.buffer]);
  },
  clientTables: async (input) => {
    const made = clientSignsOf(await loadPlanes()).clientTables(input);
    return new Moved(made, [made.strings.buffer, made.tables.buffer]);
  },
};
