import type { ChosenRows, OfferedRows } from '../ot/transfers.ts';
import { job, namedJobs } from '../pool/pool.ts';
import type { ClientBatchKeys, ServerBatchKeys, Window } from './batch.ts';

export type ClientKeysJob = {
  readonly windowBits: number;
  readonly size: number;
  readonly salt: Uint8Array;
  readonly delta: Uint32Array;
  readonly rows: OfferedRows;
};
export type ServerKeysJob = {
  readonly windowBits: number;
  readonly size: number;
  readonly salt: Uint8Array;
  readonly rows: ChosenRows;
};
export type ClientTablesJob = {
  readonly window: Window;
  readonly x: Uint32Array;
  readonly keys: Pick<ClientBatchKeys, 'k0' | 'k1'>;
};
export type ClientTables = {
  readonly strings: Uint8Array<ArrayBuffer>;
  readonly tables: Uint8Array<ArrayBuffer>;
};
export type ServerTablesJob = {
  readonly windowBits: number;
  readonly size: number;
  readonly keys: Pick<ServerBatchKeys, 'keys' | 'choices'>;
  readonly strings: Uint8Array;
};

/** A client's jobs of the sign test, a batch each. `client-implementations.ts` does them. */
export const signJobs = namedJobs({
  clientKeys: job<ClientKeysJob, ClientBatchKeys>(),
  clientTables: job<ClientTablesJob, ClientTables>(),
});

/** A server's, which the bundle of a page leaves out. `implementations.ts` does them. */
export const signServerJobs = /* @__PURE__ */ namedJobs({
  serverKeys: job<ServerKeysJob, ServerBatchKeys>(),
  serverTables: job<ServerTablesJob, Uint8Array<ArrayBuffer>>(),
});
