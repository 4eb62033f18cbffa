import type { WorkerPool } from '../../pool/pool.ts';
import { clientProductWork, serverProductWork } from '../../products/work.ts';
import type { ClientProductWork, ServerProductWork } from '../../products/work.ts';
import { clientSignWork, serverSignWork } from '../../sign/work.ts';
import type { ClientSignWork, ServerSignWork } from '../../sign/work.ts';

/** Who does a party's offline work of activations: this thread or a pool's. */
export type ClientActivationWork = ClientSignWork & ClientProductWork;
export type ServerActivationWork = ServerSignWork & ServerProductWork;

/** Long batches go to the threads of `pool`, if there is one. */
export async function clientActivationWork(pool?: WorkerPool): Promise<ClientActivationWork> {
  return { ...(await clientSignWork(pool)), ...(await clientProductWork(pool)) };
}

/** The same for a server. */
export async function serverActivationWork(pool?: WorkerPool): Promise<ServerActivationWork> {
  return { ...(await serverSignWork(pool)), ...(await serverProductWork(pool)) };
}

/** The same for both parties in one process, as benches and tests have them. */
export async function bothActivationWork(
  pool?: WorkerPool,
): Promise<ClientActivationWork & ServerActivationWork> {
  return { ...(await clientActivationWork(pool)), ...(await serverActivationWork(pool)) };
}
