import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { seededUniform } from '../../models/data/seeded.ts';
import { mutateBytes, mutateContent } from '../helpers/networks/mutate-onnx.ts';
import { readDamaged } from '../helpers/networks/read-damaged.ts';

/** For longer: tests/networks/fuzz.ts. */
const folder = join(import.meta.dirname, '../fixtures/torchvision');
const files = readdirSync(folder).filter((file) => file.endsWith('.onnx'));
const rounds = 100;

test.each(files)('%s with damaged bytes or content is refused in one error or read whole', (file) => {
  const bytes = new Uint8Array(readFileSync(join(folder, file)));
  const uniform = seededUniform(bytes.length);
  const counts = { refused: 0, read: 0 };
  for (let i = 0; i < rounds; i++) {
    counts[readDamaged(mutateBytes(bytes, uniform))]++;
    counts[readDamaged(mutateContent(bytes, uniform))]++;
  }
  // Most damage is noticed, and not all is fatal: weights with a flipped bit are weights.
  expect(counts.refused).toBeGreaterThan(rounds / 2);
  expect(counts.read).toBeGreaterThan(rounds / 5);
});
