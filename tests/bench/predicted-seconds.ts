// `npm run bench:predicted`: processor seconds of the offline phase of two small networks, predicted from this
// machine's units of work and measured. It verifies nothing: other load slows one of the two down.
import { memoryChannels } from '../../crypto/channel/memory.ts';
import { ThreadPool } from '../../crypto/worker/thread-pool.ts';
import { measureMachine, processorSeconds } from '../../pipelines/bench/machine.ts';
import { prepare } from '../../pipelines/compile/served-plan.ts';
import type { Prepared } from '../../pipelines/compile/served-plan.ts';
import { predictLatency } from '../../pipelines/cost/latency.ts';
import { profiles } from '../../pipelines/cost/profiles.ts';
import { offlineClient, offlineServer } from '../../pipelines/inference/offline.ts';
import { openClientParty, openServerParty } from '../../pipelines/inference/parties.ts';
import { systemRng } from '../../src/shared/random.ts';
import { randomImages } from '../helpers/data/data.ts';
import { mixedNet, residualNet } from '../helpers/networks/networks.ts';
import { seededRng } from '../helpers/rng.ts';

const pool = new ThreadPool(1);

/** Both parties together; the first of some runs compile their code, and the least counts. */
async function offlineSeconds({ plan, weights }: Prepared, name: string): Promise<number> {
  const [client, server] = memoryChannels();
  const [clientParty, serverParty] = await Promise.all([
    openClientParty(client, pool, plan, systemRng),
    openServerParty(server, pool, plan, name, systemRng),
  ]);
  const work = () =>
    Promise.all([
      offlineClient(client, plan, clientParty),
      offlineServer(server, plan, weights, serverParty),
    ]);
  const seconds = await processorSeconds(work, 20);
  clientParty.close();
  return seconds;
}

const machine = await measureMachine({ pool, channels: memoryChannels() });
for (const [name, build] of Object.entries({ residual: residualNet, mixed: mixedNet })) {
  const model = build(seededRng(7));
  const calibration = { images: randomImages(model, 8, seededRng('images')), n: 8 };
  const network = await prepare(model, { calibration });
  const { offline } = predictLatency(network.plan, profiles.loopback, machine, { threads: 1 });
  const predicted = offline.client_cpu_seconds + offline.server_cpu_seconds;
  const measured = await offlineSeconds(network, name);
  const [a, b] = [predicted, measured].map((seconds) => `${(1000 * seconds).toFixed(1)} ms`);
  process.stdout.write(
    `${name}: predicted ${a}, measured ${b}, ${(predicted / measured).toFixed(2)} of it\n`,
  );
}
await pool.close();
