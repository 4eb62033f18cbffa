import { memoryChannels } from '../../crypto/channel/memory.ts';
import { otClient, otServer } from '../../crypto/ot/session.ts';
import { RowQueue } from '../../crypto/ot/row-queue.ts';
import type { BlockRows } from '../../crypto/ot/row-queue.ts';
import { carriedBy, givenBy } from '../../crypto/ot/silent-sets.ts';
import { provenValue } from '../../crypto/ot/silent.ts';
import { silentWork } from '../../crypto/ot/silent-work.ts';
import { rowWords, waysOf } from '../../crypto/ot/transfers.ts';
import { readWasm } from '../../crypto/platform/platform.ts';
import { loadColumns } from '../../crypto/ring/columns.ts';
import { createSilent } from '../../crypto/ring/silent.ts';
import type { Indices } from '../../crypto/ring/silent.ts';
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
  const sources = { softspoken: await softSpokenRun(rng), silent: await silentRun(rng, 'kept') };
  return inTurns(sources, counted, median);
}

export type Run = () => Promise<Seconds>;

/** Seconds of each source, which run in turns, `runs` times each: by `pick` of all that count. */
export async function inTurns<Source extends string>(
  sources: Readonly<Record<Source, Run>>,
  runs: number,
  pick: (seconds: number[]) => number,
): Promise<Record<Source, Seconds>> {
  const entries = Object.entries<Run>(sources).map(([name, run]) => ({ name, run, all: [] as Seconds[] }));
  for (let turn = 0; turn < warmUps + runs; turn++) {
    for (const { run, all } of entries) {
      const seconds = await run();
      if (turn >= warmUps) all.push(seconds);
    }
  }
  const picked = entries.map(({ name, all }) => [
    name,
    { chooser: pick(all.map(({ chooser }) => chooser)), offerer: pick(all.map(({ offerer }) => offerer)) },
  ]);
  return Object.fromEntries(picked) as Record<Source, Seconds>;
}

/** The party that chooses sends before the other receives, so that all time is its own. */
export async function softSpokenRun(rng: Rng): Promise<Run> {
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
export async function silentRun(rng: Rng, indices: Indices): Promise<Run> {
  const set = 's16';
  const binary = await readWasm('crypto/ring/silent.wasm');
  // A memory of its own, so that no other run overwrites the indices that it keeps.
  const work = silentWork({ silent: await createSilent(binary), columns: await loadColumns() });
  const [transcript, code] = [rng.bytes(32), rng.bytes(16)];
  const delta = randomWords(rng, 4);
  let iteration = 0;
  return async () => {
    const turn = { set, transcript, code, iteration: iteration++, history: transcript, indices } as const;
    const [carried, own] = [offeredRows(carriedBy(set), rng), randomWords(rng, 4 * carriedBy(set))];
    const clock = new PartClock();
    const offered = await work.offer({ ...turn, carried }, delta, rng);
    await taken({ rows: offered.rows, choices: new Uint8Array() });
    const offerer = clock.lap();
    const chosen = await work.choose({ ...turn, carried: own }, offered.corrections);
    await taken(chosen);
    const chooser = clock.lap();
    provenValue(offered.value, chosen.masked, delta);
    return { chooser: chooser / givenBy(set), offerer: (offerer + clock.lap()) / givenBy(set) };
  };
}

/** Takes all rows out of their block, as sessions do. */
async function taken(rows: BlockRows): Promise<void> {
  const queue = new RowQueue();
  const count = rows.rows.length / rowWords;
  void queue.add(count, Promise.resolve(rows));
  queue.promise(count);
  await queue.take(count);
}

/** The first bit of a row is that of a choice, which the party that offers has not. */
function offeredRows(count: number, rng: Rng): Uint32Array<ArrayBuffer> {
  const rows = randomWords(rng, 4 * count);
  for (let i = 0; i < count; i++) rows[4 * i]! &= ~1;
  return rows;
}
