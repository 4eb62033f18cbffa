/**
 * Nanoseconds of both parties for a correlated transfer: SoftSpokenOT at depth 4, and silent transfers whose
 * indices are kept or drawn, in turns on one thread, the least of the runs; and what the check takes of the
 * last. It verifies nothing. Run: npm run bench:transfers [-- RUNS]
 */
import '../../crypto/platform/node.ts';
import { polynomialHash } from '../../crypto/ot/polynomial-hash.ts';
import { givenBy, rowsOf, silentSets } from '../../crypto/ot/silent-sets.ts';
import { loadColumns } from '../../crypto/ring/columns.ts';
import { PartClock } from '../../pipelines/bench/activation.ts';
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

/** The party that offers hashes all leaves, the other also as many rows that name the holes. */
const columns = await loadColumns();
const { batch, depth } = silentSets.s16;
const partBytes = (16 * batch) << depth;
const leaves = rng.bytes(16 * rowsOf('s16'));
const parts = Array.from({ length: leaves.length / partBytes }, (_, i) =>
  leaves.subarray(i * partBytes, (i + 1) * partBytes),
);
const checks = Array.from({ length: runs }, () => {
  const clock = new PartClock();
  polynomialHash(columns, rng.bytes(16), partBytes, parts);
  return clock.lap() / givenBy('s16');
});
const check = 1e9 * Math.min(...checks);
console.log(`of these the check: ${(2 * check).toFixed(1)} ns chooser, ${check.toFixed(1)} ns offerer`);
