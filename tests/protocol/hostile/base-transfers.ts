import { otClient, otServer } from '../../../crypto/ot/session.ts';
import { seededRng } from '../../helpers/rng.ts';
import type { Parties } from './parties.ts';

/** Opening the transfers alone, real: some 0.1 to 0.3 s each run, so they have transcripts of their own. */
export function baseTransfers(seed: string): Parties {
  return {
    client: async (channel) => {
      await otClient(channel, seededRng(`client ${seed}`));
      return [];
    },
    server: async (channel) => {
      await otServer(channel, seededRng(`server ${seed}`));
      return [];
    },
  };
}
