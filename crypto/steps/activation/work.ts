import type { WorkerPool } from '../../pool/pool.ts';
import { productWork } from '../../products/work.ts';
import type { ProductWork } from '../../products/work.ts';
import { signWork } from '../../sign/work.ts';
import type { SignWork } from '../../sign/work.ts';

/** Who does the offline work of activations: this thread or a pool's. */
export type ActivationWork = SignWork & ProductWork;

/** Long batches go to the threads of `pool`, if there is one. */
export async function activationWork(pool?: WorkerPool): Promise<ActivationWork> {
  const [signs, products] = await Promise.all([signWork(pool), productWork(pool)]);
  return { ...signs, ...products };
}
