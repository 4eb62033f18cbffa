import type { ChosenRows, OfferedRows } from '../ot/transfers.ts';
import { job, namedJobs } from '../pool/pool.ts';
import type { ClientProducts, ServerProductKeys } from './products.ts';

export type ClientProductsJob = {
  readonly salt: Uint8Array;
  readonly delta: Uint32Array;
  readonly rows: OfferedRows;
  readonly u: Uint32Array;
};
export type ServerProductKeysJob = {
  readonly size: number;
  readonly salt: Uint8Array;
  readonly rows: ChosenRows;
};
export type ServerProductsJob = {
  readonly keys: ServerProductKeys;
  readonly corrections: Uint8Array;
};

/** The jobs of products, a batch each. `implementations.ts` does them. */
export const productJobs = namedJobs({
  clientProducts: job<ClientProductsJob, ClientProducts>(),
  serverProductKeys: job<ServerProductKeysJob, ServerProductKeys>(),
  serverProducts: job<ServerProductsJob, Uint32Array<ArrayBuffer>>(),
});
