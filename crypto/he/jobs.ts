import { checkPublicKey, generateKeys } from './key-jobs.ts';
import { decryptLinear, encryptLinear, respondLinear } from './linear-jobs.ts';
import { decryptProduct, encryptProduct, respondProduct } from './product-jobs.ts';

/** The jobs that a worker can do, by name. */
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

/**
 * The result of a job as it crosses back to the main thread. Errors lose their class between threads, so they
 * are values.
 */
export type Outcome<T> =
  { readonly value: T } | { readonly peerFault: string } | { readonly failure: string };
