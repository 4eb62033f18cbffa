import { createHash } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { ciphertextSpace, weightSpace } from '../../../crypto/he/engine.ts';
import { growBy } from '../../../crypto/he/kernels.ts';
import { layoutOf } from '../../../crypto/he/layout.ts';
import { linearRequestBytes, linearResponseBytes } from '../../../crypto/he/linear.ts';
import { encryptLinear } from '../../../crypto/he/linear-jobs.ts';
import { readLinear, respondLinear, transformLinear } from '../../../crypto/he/server-jobs.ts';
import { inputCount, outputCount, spatialTiles } from '../../../crypto/he/pack.ts';
import { linearParams } from '../../../crypto/params.ts';
import { randomWords, systemRng } from '../../../src/shared/random.ts';
import { convolution, randomWeights } from '../../helpers/protocol/convolution.ts';
import { heSession, heTools } from '../../helpers/protocol/he.ts';
import { seededRng } from '../../helpers/rng.ts';

/** The jobs of one layer in the test's thread, with the same randomness in every run. */
const rng = seededRng('cached tiles');
afterEach(() => vi.restoreAllMocks());

/** Two input and several output ranges, and several spatial tiles. */
const spec = convolution(8, 6, 70, 3);
const layout = layoutOf(spec);
const tiles = layout.inputRanges.length * layout.outputRanges.length;

async function layer() {
  const { heap, secret, checked: keys } = await heSession(rng);
  const request = new Uint8Array(linearRequestBytes(spec));
  const packed = randomWords(rng, linearParams.degree * inputCount(layout));
  const all = { heap, from: 0, to: inputCount(layout) };
  encryptLinear({ ...all, secret, packed, request }, heTools);
  const inputs = growBy(heap.memory, inputCount(layout) * ciphertextSpace);
  readLinear({ ...all, request, inputs }, heTools);
  const weights = randomWeights(rng, spec);
  /** Puts the tiles of these numbers into slots. */
  const cached = (numbers: readonly number[], of = weights) => {
    const slots = new Uint32Array(tiles);
    for (const tile of numbers) slots[tile] = growBy(heap.memory, weightSpace);
    const addresses = Uint32Array.from(numbers, (tile) => slots[tile]!);
    const job = { heap, spec, weights: of, tiles: Uint32Array.from(numbers), addresses };
    transformLinear({ ...job, from: 0, to: numbers.length }, heTools);
    return slots;
  };
  const answer = (slots: Uint32Array) => {
    const seeded = seededRng('answers');
    vi.spyOn(systemRng, 'bytes').mockImplementation((count) => seeded.bytes(count));
    const response = new Uint8Array(linearResponseBytes(spec));
    const shares = new Uint32Array(linearParams.degree * outputCount(layout));
    const job = { heap, spec, weights, slots, keys, response, shares, inputs };
    const part = { from: 0, to: outputCount(layout), firstTile: 0, tiles: spatialTiles(layout) };
    respondLinear({ ...job, ...part }, heTools);
    // As hashes: a difference of so many bytes takes minutes to print.
    return [response, shares].map((words) => createHash('sha256').update(words).digest('hex'));
  };
  return { weights, cached, answer };
}

test('an answer with cached tiles, with some of them and with fresh ones is the same bit for bit', async () => {
  expect(tiles).toBeGreaterThan(2);
  expect(spatialTiles(layout)).toBeGreaterThan(1);
  const { weights, cached, answer } = await layer();
  const fresh = answer(new Uint32Array(tiles));
  const numbers = Array.from({ length: tiles }, (_, tile) => tile);
  const all = cached(numbers);
  for (const slots of [all, cached(numbers.filter((tile) => tile % 2 === 1)), all]) {
    expect(answer(slots)).toEqual(fresh);
  }
  // The tiles are what is read: those of other weights give another answer.
  const other = cached([0], weights.with(0, weights[0]! + 1));
  expect(answer(other)).not.toEqual(fresh);
});
