import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import type { heJobs } from './jobs.ts';
import { checkPublicKey, generateKey, publicKeys } from './key-jobs.ts';
import { decryptLinear, encryptLinear, readLinear, respondLinear, transformLinear } from './linear-jobs.ts';

/** Loaded in threads alone: these files hold SEAL. */
export const heImplementations: Implementations<typeof heJobs> = {
  /** No copy of the key stays behind. */
  generateKey: async (input, tools) => {
    const secret = await generateKey(input, tools);
    return new Moved(secret, [secret.buffer]);
  },
  publicKeys,
  checkPublicKey,
  encryptLinear,
  readLinear,
  transformLinear,
  respondLinear,
  decryptLinear,
};
