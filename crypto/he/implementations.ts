import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import type { heJobs } from './jobs.ts';
import { checkPublicKey, generateKeys } from './key-jobs.ts';
import { decryptLinear, encryptLinear, respondLinear } from './linear-jobs.ts';
import { decryptProduct, encryptProduct, respondProduct } from './product-jobs.ts';

/** Loaded in threads alone: these files hold SEAL. */
export const heImplementations: Implementations<typeof heJobs> = {
  /** No copy of the keys stays behind. */
  generateKeys: async () => {
    const keys = await generateKeys();
    return new Moved(keys, [keys.linear.buffer, keys.product.buffer, keys.publicKey.buffer]);
  },
  checkPublicKey,
  encryptLinear,
  respondLinear,
  decryptLinear,
  encryptProduct,
  respondProduct,
  decryptProduct,
};
