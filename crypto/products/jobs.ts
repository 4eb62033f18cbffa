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

/** A client's job of products, a batch each. `client-implementations.ts` does it. */
export const productJobs = namedJobs({
  clientProducts: job<ClientProductsJob, ClientProducts>(),
});

/** A server's, which the bundle of a page leaves out. `implementations.ts` does them. */
export const productServerJobs = /* @__PURE__ */ namedJobs({
  serverProductKeys: job<ServerProductKeysJob, ServerProductKeys>(),
  serverProducts: job<ServerProductsJob, Uint32Array<ArrayBuffer>>(),
});
