import type { Implementations } from '../pool/pool.ts';
import { heClientImplementations } from './client-implementations.ts';
import type { heJobs, heServerJobs } from './jobs.ts';
import { checkPublicKey, readLinear, respondLinear, transformLinear } from './server-jobs.ts';

/** What the threads of both parties do. */
export const heImplementations: Implementations<typeof heJobs & typeof heServerJobs> = {
  ...heClientImplementations,
  checkPublicKey,
  readLinear,
  transformLinear,
  respondLinear,
};
