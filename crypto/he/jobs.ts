import { job, namedJobs } from '../pool/pool.ts';
import type { GeneratedKeys } from './key-jobs.ts';
import type { ServerSession } from './keys.ts';
import type { DecryptLinear, EncryptLinear, RespondLinear } from './linear-jobs.ts';
import type { DecryptProduct, EncryptProduct, RespondProduct } from './product-jobs.ts';

/** The jobs of homomorphic encryption. `implementations.ts` does them. */
export const heJobs = namedJobs({
  generateKeys: job<void, GeneratedKeys>(),
  checkPublicKey: job<ServerSession, number[]>(),
  encryptLinear: job<EncryptLinear, void>(),
  respondLinear: job<RespondLinear, void>(),
  decryptLinear: job<DecryptLinear, void>(),
  encryptProduct: job<EncryptProduct, void>(),
  respondProduct: job<RespondProduct, void>(),
  decryptProduct: job<DecryptProduct, void>(),
});
