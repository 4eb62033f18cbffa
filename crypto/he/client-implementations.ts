import { Moved } from '../pool/pool.ts';
import type { Implementations } from '../pool/pool.ts';
import type { heJobs } from './jobs.ts';
import { generateKey, publicKeys } from './key-jobs.ts';
import { decryptLinear, encryptLinear } from './linear-jobs.ts';

/** What a client's threads do. Loaded in threads alone: these files hold SEAL. */
export const heClientImplementations: Implementations<typeof heJobs> = {
  /** No copy of the key stays behind. */
  generateKey: async (input, tools) => {
    const secret = await generateKey(input, tools);
    return new Moved(secret, [secret.buffer]);
  },
  publicKeys,
  encryptLinear,
  decryptLinear,
};
