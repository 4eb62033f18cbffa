import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import { loadPlanes } from '../ring/planes.ts';
import type { signJobs } from './jobs.ts';
import { signsOf } from './work.ts';

/** Loaded in threads alone. */
export const signImplementations: Implementations<typeof signJobs> = {
  clientKeys: async (input) => {
    const keys = signsOf(await loadPlanes()).clientKeys(input);
    return new Moved(keys, [keys.k0.buffer, keys.k1.buffer, keys.h0.buffer, keys.h1.buffer]);
  },
  serverKeys: async (input) => {
    const keys = signsOf(await loadPlanes()).serverKeys(input);
    return new Moved(keys, [keys.keys.buffer, keys.choices.buffer, keys.e.buffer, keys.h.buffer]);
  },
  clientTables: async (input) => {
    const made = signsOf(await loadPlanes()).clientTables(input);
    return new Moved(made, [made.strings.buffer, made.tables.buffer]);
  },
  serverTables: async (input) => {
    const tables = signsOf(await loadPlanes()).serverTables(input);
    return new Moved(tables, [tables.buffer]);
  },
};
