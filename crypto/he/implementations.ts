import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import type { heJobs } from './jobs.ts';
import { checkPublicKey, generateKeys, publicKeys } from './key-jobs.ts';
import { decryptLinear, encryptLinear, readLinear, respondLinear, transformLinear } from './linear-jobs.ts';
import { decryptProduct, encryptProduct, respondProduct } from './product-jobs.ts';

/** Loaded in threads alone: these files hold SEAL. */
export const heImplementations: Implementations<typeof heJobs> = {
  /** No copy of the keys stays behind. */
  generateKeys: async (input, tools) => {
    const keys = await generateKeys(input, tools);
    return new Moved(keys, [keys.linear.buffer, keys.product.buffer, keys.productPublic.buffer]);
  },
  publicKeys,
  checkPublicKey,
  encryptLinear,
  readLinear,
  transformLinear,
  respondLinear,
  decryptLinear,
  encryptProduct,
  respondProduct,
  decryptProduct,
};
