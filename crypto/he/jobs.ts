import { job, namedJobs } from '../pool/pool.ts';
import type { Heap } from './heap.ts';
import type { PublicKeys } from './key-jobs.ts';
import type { DecryptLinear, EncryptLinear } from './linear-jobs.ts';
import type { CheckPublicKey, ReadLinear, RespondLinear, TransformLinear } from './server-jobs.ts';

/** A client's jobs of homomorphic encryption. `client-implementations.ts` does them. */
export const heJobs = namedJobs({
  generateKey: job<{ heap: Heap }, Uint32Array<ArrayBuffer>>(),
  publicKeys: job<PublicKeys, Uint8Array<ArrayBuffer>>(),
  encryptLinear: job<EncryptLinear, void>(),
  decryptLinear: job<DecryptLinear, void>(),
});

/** A server's, which the bundle of a page leaves out. `implementations.ts` does them. */
export const heServerJobs = /* @__PURE__ */ namedJobs({
  checkPublicKey: job<CheckPublicKey, Uint32Array<ArrayBuffer>>(),
  readLinear: job<ReadLinear, void>(),
  transformLinear: job<TransformLinear, void>(),
  respondLinear: job<RespondLinear, void>(),
});
