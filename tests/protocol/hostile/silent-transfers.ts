import { blockWork } from '../../../crypto/ot/block-work.ts';
import { givenBy } from '../../../crypto/ot/silent-sets.ts';
import { SilentChoosing, SilentOffering } from '../../../crypto/ot/silent-transfers.ts';
import { silentTools, silentWork } from '../../../crypto/ot/silent-work.ts';
import { waysOf } from '../../../crypto/ot/transfers.ts';
import type { ChoosingTransfers, OfferingTransfers } from '../../../crypto/ot/transfers.ts';
import type { Channel } from '../../../crypto/channel/channel.ts';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { dealtTransfers } from '../../helpers/protocol/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import type { Parties } from './parties.ts';

const set = 'testInsecure';
/** Rows of two inferences: three iterations, then one more. */
const counts = [2 * givenBy(set) + 1, givenBy(set)];

/** Silent transfers alone, real but for their first trees. The client chooses. */
export function silentTransfers(seed: string): Parties {
  const both = async (): Promise<[SilentChoosing, SilentOffering]> => {
    const rng = seededRng(`silent ${seed}`);
    const [choosing, offering] = dealtTransfers(rng, blockWork(await loadColumns()));
    const work = silentWork(await silentTools());
    const options = { set, transcript: rng.bytes(32), code: rng.bytes(16), work } as const;
    return [new SilentChoosing(choosing, options), new SilentOffering(offering, options, rng)];
  };
  return {
    client: async (channel) => takeAll(channel, (await both())[0]),
    server: async (channel) => takeAll(channel, (await both())[1]),
  };
}

async function takeAll(channel: Channel, transfers: ChoosingTransfers | OfferingTransfers): Promise<[]> {
  for (const count of counts) {
    await Promise.all([transfers.prepare(waysOf(channel), count), transfers.take(count)]);
  }
  return [];
}
