import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import { loadPlanes } from '../ring/planes.ts';
import { signClientImplementations } from './client-implementations.ts';
import type { signJobs, signServerJobs } from './jobs.ts';
import { serverSignsOf } from './work.ts';

/** What the threads of both parties do. */
export const signImplementations: Implementations<typeof signJobs & typeof signServerJobs> = {
  ...signClientImplementations,
  serverKeys: async (input) => {
    const keys = serverSignsOf(await loadPlanes()).serverKeys(input);
    return new Moved(keys, [keys.keys.buffer, keys.choices.buffer, keys.e.buffer, keys.h.buffer]);
  },
  serverTables: async (input) => {
    const tables = serverSignsOf(await loadPlanes()).serverTables(input);
    return new Moved(tables, [tables.buffer]);
  },
};
