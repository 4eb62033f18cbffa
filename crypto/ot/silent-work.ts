import { prgSeedBytes } from '../prg.ts';
import type { WorkerPool } from '../pool/pool.ts';
import { loadColumns } from '../ring/columns.ts';
import type { Columns } from '../ring/columns.ts';
import { loadSilent } from '../ring/silent.ts';
import type { Silent } from '../ring/silent.ts';
import type { Rng } from '../../src/shared/random.ts';
import { otJobs } from './jobs.ts';
import { chooseSilently, offerSilently } from './silent.ts';
import type { Chosen, Offered, SilentTurn } from './silent.ts';

/** Who does iterations: this thread or a pool's. */
export type SilentWork = {
  offer(turn: SilentTurn, delta: Uint32Array, rng: Rng): Promise<Offered>;
  /** Rejects as `chooseSilently` throws. */
  choose(turn: SilentTurn, corrections: Uint8Array): Promise<Chosen>;
};

/** What a thread works with. */
export type SilentTools = { readonly silent: Silent; readonly columns: Columns };

/** Those of this thread. */
export async function silentTools(): Promise<SilentTools> {
  const [silent, columns] = await Promise.all([loadSilent(), loadColumns()]);
  return { silent, columns };
}

/** Iterations are made by the pool's threads, if there is a pool. The rows of a turn move there. */
export function silentWork(tools: SilentTools, pool?: WorkerPool): SilentWork {
  const { silent, columns } = tools;
  return {
    offer: async (turn, delta, rng) => {
      if (pool === undefined) return offerSilently(silent, columns, turn, delta, rng);
      const seed = rng.bytes(prgSeedBytes);
      return pool.run(otJobs.offerSilently, { turn, delta, seed }, [turn.carried.buffer]);
    },
    choose: async (turn, corrections) => {
      if (pool === undefined) return chooseSilently(silent, columns, turn, corrections);
      // The bytes may be a part of what the channel received, which stays here.
      const own = new Uint8Array(corrections);
      const job = { turn, corrections: own };
      return pool.run(otJobs.chooseSilently, job, [turn.carried.buffer, own.buffer]);
    },
  };
}
