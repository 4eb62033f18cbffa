import { expect, test } from 'vitest';
import { open, share } from '../../../../crypto/share.ts';
import {
  clientTruncate,
  serverTruncate,
  truncateInClear,
} from '../../../../crypto/steps/activation/truncation.ts';
import { truncationChoices } from '../../../../crypto/steps/activation/truncation.ts';
import { randomWords } from '../../../../src/shared/random.ts';
import type { Rng } from '../../../../src/shared/random.ts';
import { seededRng } from '../../../helpers/rng.ts';
import { sixSigma, trialsZ, wordsZ } from '../../../helpers/statistics.ts';

const count = 200_000;

/** The pure halves with ideal random OT. */
function truncate(x: Int32Array, t: number, rng: Rng) {
  const shares = share(x, rng);
  const pairs = { k0: randomWords(rng, x.length), k1: randomWords(rng, x.length) };
  const chosen = truncationChoices(shares.client);
  const keys = pairs.k0.map((key, i) => (chosen[i] === 0 ? key : pairs.k1[i]!));
  const { d1, share: serverShare } = serverTruncate(shares.server, t, pairs);
  const sent = d1.map((word) => word & (2 ** t - 1));
  const clientShare = clientTruncate(shares.client, t, keys, sent);
  return { shares, d1: sent, result: open(clientShare, serverShare) };
}

/** All of (-2^29, 2^29) with its edges. */
function values(rng: Rng): Int32Array {
  const x = new Int32Array(randomWords(rng, count).buffer).map((word) => word >> 2);
  x.set([0, 1, -1, 2 ** 29 - 1, 1 - 2 ** 29, 256, -256, 255, -255]);
  return x.map((value) => Math.max(value, 1 - 2 ** 29));
}

test.each([1, 2, 8, 13, 28, 29])('t = %i: floor or ceiling, as in the clear', (t) => {
  const rng = seededRng(`truncation ${t}`);
  const x = values(rng).subarray(0, 20_000);
  const { shares, result } = truncate(x, t, rng);
  for (let i = 0; i < x.length; i++) {
    const exact = x[i]! / 2 ** t;
    if (result[i] !== Math.floor(exact) && result[i] !== Math.ceil(exact)) {
      expect.fail(`x = ${x[i]}: ${result[i]}`);
    }
  }
  expect(result).toEqual(x.map((value, i) => truncateInClear(value, shares.client[i]!, t)));
});

/**
 * |error| < 1 with mean 0, so its variance is at most 1/4 and the mean of n errors has a
 * standard deviation of at most 1 / (2 sqrt n): 6 of them are crossed by chance with probability 2 * 10^-9.
 */
test('rounding is unbiased, and the bound would notice floor', () => {
  const rng = seededRng('bias');
  const x = values(rng);
  const t = 10;
  const bound = sixSigma / (2 * Math.sqrt(count));
  const meanError = (result: Int32Array) => result.reduce((sum, y, i) => sum + y - x[i]! / 2 ** t, 0) / count;
  expect(Math.abs(meanError(truncate(x, t, rng).result))).toBeLessThan(bound);
  expect(Math.abs(meanError(x.map((value) => value >> t)))).toBeGreaterThan(50 * bound);
});

test.each([0, 1, 77, 512, 1000, 1023])('P(+1) is the fraction: %i / 1024', (fraction) => {
  const rng = seededRng(`fraction ${fraction}`);
  for (const base of [-5 * 1024, 3 * 1024]) {
    const { result } = truncate(new Int32Array(20_000).fill(base + fraction), 10, rng);
    const up = result.reduce((sum, y) => sum + y - base / 1024, 0);
    if (fraction === 0) expect(up).toBe(0);
    else expect(Math.abs(trialsZ(up, Array<number>(20_000).fill(fraction / 1024)))).toBeLessThan(sixSigma);
  }
});

test('d1 is uniform mod 2^t whatever the shares', () => {
  const rng = seededRng('d1');
  const { d1 } = truncate(new Int32Array(50_000), 8, rng);
  // four bytes a word, so that all four of wordsZ are tests of d1
  expect(wordsZ(new Uint32Array(Uint8Array.from(d1).buffer))).toBeLessThan(sixSigma);
});
