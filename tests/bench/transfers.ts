/**
 * Nanoseconds of both parties for a correlated transfer: SoftSpokenOT at depth 4, and silent transfers whose
 * indices are kept or drawn, in turns on one thread, the least of the runs. It verifies nothing. Run:
 * npm run bench:transfers [-- RUNS]
 */
import '../../crypto/platform/node.ts';
import { inTurns, silentRun, softSpokenRun } from '../../pipelines/bench/transfers.ts';
import { systemRng } from '../../src/shared/random.ts';

const runs = Number(process.argv[2] ?? 10);
const rng = systemRng;
const sources = {
  'SoftSpokenOT, k = 4': await softSpokenRun(rng),
  'silent, indices kept': await silentRun(rng, 'kept'),
  'silent, indices drawn': await silentRun(rng, 'drawn'),
};
const found = await inTurns(sources, runs, (seconds) => Math.min(...seconds));
const softSpoken = found['SoftSpokenOT, k = 4'];
for (const [name, { chooser, offerer }] of Object.entries(found)) {
  const ns = [chooser, offerer].map((seconds) => (1e9 * seconds).toFixed(1));
  const ratio = (chooser + offerer) / (softSpoken.chooser + softSpoken.offerer);
  console.log(
    `${name}: ${ns[0]} ns chooser, ${ns[1]} ns offerer, ${ratio.toFixed(2)} of SoftSpokenOT's time`,
  );
}
