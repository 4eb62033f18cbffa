import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { seededUniform } from '../../models/data/seeded.ts';
import { mutateBytes, mutateContent } from '../helpers/networks/mutate-onnx.ts';
import { readDamaged } from '../helpers/networks/read-damaged.ts';

/**
 * `node tests/networks/fuzz.ts ROUNDS SEED FILE...`: fuzz.test.ts beside it, for longer, on the given .onnx
 * files or those of the fixtures. Each round's numbers come from (SEED, round) alone, so that a find can be
 * run again by itself.
 */
const fixtures = join(import.meta.dirname, '../fixtures/torchvision');
const [rounds = '1000', seed = '1', ...given] = process.argv.slice(2);
const files =
  given.length > 0
    ? given
    : readdirSync(fixtures)
        .filter((file) => file.endsWith('.onnx'))
        .map((file) => join(fixtures, file));

let finds = 0;
let peak = 0;
let slowest = 0;
const counts = { refused: 0, read: 0 };

for (const file of files) {
  const bytes = new Uint8Array(readFileSync(file));
  for (let round = 0; round < Number(rounds); round++) {
    const mutate = round % 2 === 0 ? mutateBytes : mutateContent;
    const damaged = mutate(bytes, seededUniform(Number(seed), round));
    const start = performance.now();
    try {
      counts[readDamaged(damaged)]++;
    } catch (error) {
      finds++;
      console.log(`${file}, seed ${seed}, round ${round}: ${(error as Error).stack ?? String(error)}`);
    }
    slowest = Math.max(slowest, performance.now() - start);
    peak = Math.max(peak, process.memoryUsage.rss());
  }
}

console.log(
  `${files.length} files, ${counts.refused} refused, ${counts.read} read, ${finds} finds; ` +
    `slowest ${(slowest / 1e3).toFixed(2)} s, peak memory ${(peak / 2 ** 20).toFixed(0)} MiB`,
);
process.exitCode = finds === 0 ? 0 : 1;
