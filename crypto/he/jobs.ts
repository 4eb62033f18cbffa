import { job, namedJobs } from '../pool/pool.ts';
import type { Heap } from './heap.ts';
import type { PublicKeys } from './key-jobs.ts';
import type { DecryptLinear, EncryptLinear } from './linear-jobs.ts';
import type { CheckPublicKey, ReadLinear, RespondLinear, TransformLinear } from './server-jobs.ts';

/** The jobs of homomorphic encryption. `implementations.ts` does them. */
export const heJobs = namedJobs({
  generateKey: job<{ heap: Heap }, Uint32Array<ArrayBuffer>>(),
  publicKeys: job<PublicKeys, Uint8Array<ArrayBuffer>>(),
  checkPublicKey: job<CheckPublicKey, Uint32Array<ArrayBuffer>>(),
  encryptLinear: job<EncryptLinear, void>(),
  readLinear: job<ReadLinear, void>(),
  transformLinear: job<TransformLinear, void>(),
  respondLinear: job<RespondLinear, void>(),
  decryptLinear: job<DecryptLinear, void>(),
});
