import { describe, expect, test } from 'vitest';
import { loadPlanes } from '../../../crypto/ring/planes.ts';
import { comparisonOf, maxWindowBits } from '../../../crypto/sign/comparison.ts';
import { randomWords } from '../../../src/shared/random.ts';
import { seededRng } from '../../helpers/rng.ts';
import { runSign } from './halves.ts';

const planes = await loadPlanes();
const windows = Array.from({ length: maxWindowBits }, (_, i) => i + 1);

/** x near 0 and near every power of two, of either sign, then random ones. */
function values(windowBits: number, count: number, random: Uint32Array): number[] {
  const near = Array.from({ length: windowBits }, (_, j) => [-2, -1, 0, 1, 2].map((d) => 2 ** j + d)).flat();
  const edges = [0, ...near, ...near.map((x) => -x)];
  return Array.from({ length: count }, (_, i) => edges[i] ?? random[i]!);
}

describe('the sign test by tables', () => {
  test.each(windows)('a window of %i bits gives the top bit of the sum, for every digit equal too', (m) => {
    const rng = seededRng(`window ${m}`);
    const count = 1000;
    const [vC, noise] = [randomWords(rng, count), randomWords(rng, count)];
    const vS = Uint32Array.from(values(m, count, noise), (x, i) => x - vC[i]!);
    const { sign } = runSign(planes, comparisonOf(m), vC, vS, rng);
    const expected = Array.from(vC, (v, i) => (((v + vS[i]!) >>> (m - 1)) & 1) ^ 1);
    expect([...sign]).toEqual(expected);
  });

  test('all pairs of a window of 6 bits, in one digit', () => {
    const rng = seededRng('all pairs');
    const all = Array.from({ length: 4096 }, (_, i) => i);
    const [vC, vS] = [Uint32Array.from(all, (i) => i >> 6), Uint32Array.from(all, (i) => i & 63)];
    const { sign } = runSign(planes, comparisonOf(6), vC, vS, rng);
    expect([...sign]).toEqual(all.map((i) => ((((i >> 6) + (i & 63)) >> 5) & 1) ^ 1));
  });
});
