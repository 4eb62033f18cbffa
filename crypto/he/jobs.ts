import { job, namedJobs } from '../pool/pool.ts';
import type { Heap } from './heap.ts';
import type { CheckedKey, CheckPublicKey, GeneratedKeys, PublicKeys } from './key-jobs.ts';
import type {
  DecryptLinear,
  EncryptLinear,
  ReadLinear,
  RespondLinear,
  TransformLinear,
} from './linear-jobs.ts';
import type { DecryptProduct, EncryptProduct, RespondProduct } from './product-jobs.ts';

/** The jobs of homomorphic encryption. `implementations.ts` does them. */
export const heJobs = namedJobs({
  generateKeys: job<{ heap: Heap }, GeneratedKeys>(),
  publicKeys: job<PublicKeys, Uint8Array<ArrayBuffer>>(),
  checkPublicKey: job<CheckPublicKey, CheckedKey>(),
  encryptLinear: job<EncryptLinear, void>(),
  readLinear: job<ReadLinear, void>(),
  transformLinear: job<TransformLinear, void>(),
  respondLinear: job<RespondLinear, void>(),
  decryptLinear: job<DecryptLinear, void>(),
  encryptProduct: job<EncryptProduct, void>(),
  respondProduct: job<RespondProduct, void>(),
  decryptProduct: job<DecryptProduct, void>(),
});
