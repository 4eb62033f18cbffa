import { memoryChannels } from '../../crypto/channel/memory.ts';
import { otClient, otServer } from '../../crypto/ot/session.ts';
import { carriedBy, givenBy } from '../../crypto/ot/silent-sets.ts';
import { provenValue } from '../../crypto/ot/silent.ts';
import { silentTools, silentWork } from '../../crypto/ot/silent-work.ts';
import { waysOf } from '../../crypto/ot/transfers.ts';
import { median } from '../../src/shared/median.ts';
import { randomWords } from '../../src/shared/random.ts';
import type { Rng } from '../../src/shared/random.ts';
import type { MachineCosts } from '../cost/machine.ts';
import { PartClock } from './activation.ts';

type Seconds = MachineCosts['transfers']['silent'];

/** Transfers of SoftSpokenOT that are drawn at a time: two whole blocks. */
const drawn = 2 ** 19;
/** Runs that warm up the compiler, and keep the indices of the code, and runs that count. */
const [warmUps, counted] = [2, 5];

/**
 * Measures what a transfer takes each party, from either source, in turns, so that a slow moment of the
 * machine affects both: medians. It verifies nothing.
 */
export async function transferCosts(rng: Rng): Promise<MachineCosts['transfers']> {
  const softspoken = await softSpokenRun(rng);
  const silent = await silentRun(rng);
  const runs: { readonly softspoken: Seconds; readonly silent: Seconds }[] = [];
  for (let run = 0; run < warmUps + counted; run++) {
    const both = { softspoken: await softspoken(), silent: await silent() };
    if (run >= warmUps) runs.push(both);
  }
  const of = (source: 'softspoken' | 'silent'): Seconds => ({
    chooser: median(runs.map((run) => run[source].chooser)),
    offerer: median(runs.map((run) => run[source].offerer)),
  });
  return { softspoken: of('softspoken'), silent: of('silent') };
}

type Run = () => Promise<Seconds>;

/** The party that chooses sends before the other receives, so that all time is its own. */
async function softSpokenRun(rng: Rng): Promise<Run> {
  const [toServer, toClient] = memoryChannels();
  const [client, server] = await Promise.all([otClient(toServer, rng), otServer(toClient, rng)]);
  return async () => {
    const clock = new PartClock();
    await client.choosing.prepare(waysOf(toServer), drawn);
    await client.choosing.take(drawn);
    const chooser = clock.lap() / drawn;
    await server.offering.prepare(waysOf(toClient), drawn);
    await server.offering.take(drawn);
    return { chooser, offerer: clock.lap() / drawn };
  };
}

/** Whole iterations of s16 with their check, from rows that anybody drew. */
async function silentRun(rng: Rng): Promise<Run> {
  const set = 's16';
  const work = silentWork(await silentTools());
  const [transcript, code] = [rng.bytes(32), rng.bytes(16)];
  const delta = randomWords(rng, 4);
  let iteration = 0;
  return async () => {
    const turn = { set, transcript, code, iteration: iteration++, history: transcript } as const;
    const [carried, own] = [offeredRows(carriedBy(set), rng), randomWords(rng, 4 * carriedBy(set))];
    const clock = new PartClock();
    const offered = await work.offer({ ...turn, carried }, delta, rng);
    const offerer = clock.lap();
    const { masked } = await work.choose({ ...turn, carried: own }, offered.corrections);
    const chooser = clock.lap();
    provenValue(offered.value, masked, delta);
    return { chooser: chooser / givenBy(set), offerer: (offerer + clock.lap()) / givenBy(set) };
  };
}

/** The first bit of a row is that of a choice, which the party that offers has not. */
function offeredRows(count: number, rng: Rng): Uint32Array<ArrayBuffer> {
  const rows = randomWords(rng, 4 * count);
  for (let i = 0; i < count; i++) rows[4 * i]! &= ~1;
  return rows;
}
