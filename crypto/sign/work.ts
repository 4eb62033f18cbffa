import { withRows } from '../ot/transfers.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { loadPlanes } from '../ring/planes.ts';
import type { Planes } from '../ring/planes.ts';
import { clientBatchKeys, clientBatchTables, serverBatchKeys, serverBatchTables } from './batch.ts';
import type { ClientBatchKeys, ServerBatchKeys } from './batch.ts';
import { signJobs, signServerJobs } from './jobs.ts';
import type { ClientKeysJob, ClientTables, ClientTablesJob, ServerKeysJob, ServerTablesJob } from './jobs.ts';

/**
 * Who does the offline work of a client's batches: this thread or a pool's. Jobs use their rows and the keys
 * of tables up: those arrays are released.
 */
export type ClientSignWork = {
  clientKeys(input: ClientKeysJob): Promise<ClientBatchKeys>;
  clientTables(input: ClientTablesJob): Promise<ClientTables>;
};

/** The same of a server's batches; `choices` are not used up. */
export type ServerSignWork = {
  serverKeys(input: ServerKeysJob): Promise<ServerBatchKeys>;
  serverTables(input: ServerTablesJob): Promise<Uint8Array<ArrayBuffer>>;
};

/** A client's work of a batch on this thread. */
export function clientSignsOf(planes: Planes) {
  return {
    clientKeys: ({ windowBits, size, salt, delta, rows }: ClientKeysJob) =>
      clientBatchKeys(planes, windowBits, size, salt, delta, rows),
    clientTables: ({ window, x, keys }: ClientTablesJob) => clientBatchTables(planes, window, x, keys),
  };
}

/** A server's work of a batch on this thread. */
export function serverSignsOf(planes: Planes) {
  return {
    serverKeys: ({ windowBits, size, salt, rows }: ServerKeysJob) =>
      serverBatchKeys(planes, windowBits, size, salt, rows),
    serverTables: ({ windowBits, size, keys, strings }: ServerTablesJob) =>
      serverBatchTables(planes, windowBits, size, keys, strings),
  };
}

/** Smaller batches stay on this thread: under half a millisecond of work, a tenth of it for a job's way. */
const shortBatch = 1024;

const threads = (pool: WorkerPool | undefined, size: number) => (size < shortBatch ? undefined : pool);

/**
 * Long batches go to the threads of `pool`, if there is one. Strings and shares are parts of larger buffers
 * that stay here, so copies of them move.
 */
export async function clientSignWork(pool?: WorkerPool): Promise<ClientSignWork> {
  const here = clientSignsOf(await loadPlanes());
  return {
    clientKeys: (input) => withRows(threads(pool, input.size), signJobs.clientKeys, input, here.clientKeys),
    clientTables: async (input) => {
      const pooled = threads(pool, input.x.length);
      if (pooled === undefined) return here.clientTables(input);
      const { k0, k1 } = input.keys;
      const job = { ...input, x: new Uint32Array(input.x), keys: { k0, k1 } };
      return pooled.run(signJobs.clientTables, job, [job.x.buffer, k0.buffer, k1.buffer]);
    },
  };
}

/** The same for a server. */
export async function serverSignWork(pool?: WorkerPool): Promise<ServerSignWork> {
  const here = serverSignsOf(await loadPlanes());
  return {
    serverKeys: (input) =>
      withRows(threads(pool, input.size), signServerJobs.serverKeys, input, here.serverKeys),
    serverTables: async (input) => {
      const pooled = threads(pool, input.size);
      if (pooled === undefined) return here.serverTables(input);
      const { keys, choices } = input.keys;
      const job = { ...input, strings: new Uint8Array(input.strings), keys: { keys, choices } };
      return pooled.run(signServerJobs.serverTables, job, [job.strings.buffer, keys.buffer]);
    },
  };
}
