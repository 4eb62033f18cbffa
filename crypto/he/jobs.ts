import { checkPublicKey, generateKeys } from './key-jobs.ts';
import { decryptLinear, encryptLinear, respondLinear } from './linear-jobs.ts';
import { decryptProduct, encryptProduct, respondProduct } from './product-jobs.ts';

/** Everything a worker can be asked to do, by name. */
export const jobs = {
  generateKeys,
  checkPublicKey,
  encryptLinear,
  respondLinear,
  decryptLinear,
  encryptProduct,
  respondProduct,
  decryptProduct,
};

export type JobName = keyof typeof jobs;
export type JobInput<K extends JobName> = Parameters<(typeof jobs)[K]>[0];
export type JobOutput<K extends JobName> = Awaited<ReturnType<(typeof jobs)[K]>>;

/** What crosses back: errors lose their class between threads, so they are values. */
export type Outcome<T> =
  { readonly value: T } | { readonly peerFault: string } | { readonly failure: string };
