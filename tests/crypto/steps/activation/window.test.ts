import { expect, test } from 'vitest';
import { faultProbability, passesInClear, windowOffset } from '../../../../crypto/steps/activation/window.ts';
import type { ReluSpec } from '../../../../crypto/spec.ts';
import { randomWords } from '../../../../src/shared/random.ts';
import { seededRng } from '../../../helpers/rng.ts';

const spec = (k: number, bits: number, mode: ReluSpec['mode']): ReluSpec => ({ truncate: 0, k, bits, mode });

test.each([
  [1, 4, 'posZero'],
  [3, 6, 'posZero'],
  [3, 6, 'negPass'],
  [5, 7, 'negPass'],
] as const)(
  'k = %i, B = %i, %s: the closed form is exact, over all low halves of the share',
  (k, bits, mode) => {
    const rng = seededRng('low halves');
    const offset = windowOffset(spec(k, bits, mode));
    const limit = 2 ** bits - 2 ** k - 1;
    for (let x = -limit; x <= limit; x++) {
      let faults = 0;
      for (let low = 0; low < 2 ** k; low++) {
        const share = ((randomWords(rng, 1)[0]! & ~(2 ** k - 1)) | low) >>> 0;
        const passes = passesInClear(x, share, k, offset, bits - k);
        if (passes !== (x >= 0 ? 1 : 0)) faults++;
      }
      expect(faults / 2 ** k).toBe(faultProbability(x, k, mode));
    }
  },
);

test('k = 0 is exact on the whole window', () => {
  const rng = seededRng('exact');
  for (const bits of [1, 5, 31]) {
    const x = Math.floor(2 ** bits - 1);
    for (const value of [0, 1, -1, x, -x]) {
      for (const share of randomWords(rng, 200)) {
        expect(passesInClear(value, share, 0, 0, bits)).toBe(value >= 0 ? 1 : 0);
      }
    }
  }
});

test('the fault next to 2^B that the docstring warns of is real', () => {
  const rng = seededRng('edge');
  const wrong = randomWords(rng, 500).filter((share) => passesInClear(1 - 2 ** 6, share, 3, 0, 3) === 1);
  expect(wrong.length).toBeGreaterThan(100);
});
