import { expect, test } from 'vitest';
import { sessionSources } from '../../../crypto/ot/session.ts';
import { rowsOf, silentSets } from '../../../crypto/ot/silent-sets.ts';
import { estimates } from '../../bench/lpn/attacks.ts';

test.each(sessionSources.filter((source) => source !== 'softspoken'))(
  '%s: every attack that is known takes more than 2^128 operations',
  (set) => {
    const { secret, trees } = silentSets[set];
    const found = Object.entries(estimates(rowsOf(set), secret, trees));
    expect(found).toHaveLength(10);
    for (const [attack, bits] of found) expect(bits, attack).toBeGreaterThan(128);
  },
);

test('a set that falls short of 128 bits is told from one that does not', () => {
  // A set that the program had: by the estimator of the authors 123.0, 126.0, 130.3 and 140.7 bits.
  const found = estimates(384 * 2 ** 8, 2 ** 14, 384);
  expect(found['information set decoding, BJMM (ePrint 2022/712)']).toBeCloseTo(123.0, 1);
  expect(found['information set decoding, Stern-Dumer (2022/712)']).toBeCloseTo(126.0, 1);
  expect(found['hybrid for regular noise (2025/1284)']).toBeCloseTo(130.3, 1);
  expect(found['algebraic, AGB 2.0 (2025/1476)']).toBeCloseTo(140.7, 1);
});

test('the estimates are those of the authors of the attacks', () => {
  // lpnestimator.com, Code_estimators at 41e013c, run on these parameters.
  const found = estimates(1024, 652, 57);
  expect(found['information set decoding, Stern-Dumer (2022/712)']).toBeCloseTo(92.35, 1);
  expect(found['pooled Gauss (2022/712)']).toBeCloseTo(106.57, 2);
  expect(found['statistical decoding (2022/712)']).toBeCloseTo(135.89, 2);
  expect(found['hybrid for regular noise (2025/1284)']).toBeCloseTo(78.44, 2);
  expect(found['regular decoding by permutations (2023/1568)']).toBeCloseTo(94.41, 2);
  expect(found['algebraic, AGB 2.0 (2025/1476)']).toBeCloseTo(96.85, 2);
  expect(found['algebraic, AGB (2023/176)']).toBeCloseTo(101.48, 2);
});
