/**
 * Bits of learning parity with noise, for the parameters of silent transfers and for some that are known, against two
 * attacks: the hybrid one for regular noise (Wang, Wang, Hao, Liu, Yu and others, ePrint 2025/1284), with all of its
 * parameters searched, and pooled Gauss (Liu, Wang, Yang, Yu, ePrint 2022/712). docs/security.md has the other attacks,
 * by the estimator of the authors. Run: npm run estimate:lpn [-- SAMPLES,SECRET,ERRORS ...]
 */
import { rowsOf, silentSets } from '../../crypto/ot/silent-sets.ts';

const { log2, floor, sqrt, max, min } = Math;

/** log2(2^a + 2^b) */
const sum = (a: number, b: number) => max(a, b) + log2(1 + 2 ** -Math.abs(a - b));

/**
 * The hybrid attack with `u` positions left out of each block and `q` blocks whose error is guessed, best over the
 * number of blocks that lose one position more. N samples in `h` blocks of `beta`, a secret of k bits.
 */
function hybridWith(N: number, k: number, h: number, beta: number, u: number, q: number): number {
  const [more, less] = [-log2(1 - (u + 1) / beta), -log2(1 - u / beta)];
  const spare = N - k - floor((N - k) / (beta - 1)) * (beta - u - 2);
  let best = Infinity;
  for (let f = 0; f < h - q && N - h - f - (h - q) * u > 0; f++) {
    const tries = more * f + less * (h - q - f);
    const unknown = k - h - (u + 1) * f - (h - f - q) * u;
    const elimination = max(spare * (N - k) * (spare + unknown), 1);
    if (unknown <= 0) {
      best = min(best, tries + log2(elimination));
      continue;
    }
    const equations =
      ((h - f - q) * (beta - u - 2) * (beta - u - 1)) / 2 + (f * (beta - u - 2) * (beta - u - 3)) / 2;
    const guessed = (beta - 1) * q;
    const v = unknown - guessed;
    if (v < 0 || (v > 0 && v > sqrt(2 * equations) - 2)) continue;
    const linearised = v === 0 ? 1 : max(1, (v ** 4 * unknown ** 2) / 8 / log2(max(v ** 2 / 2, 2)));
    const each =
      v === 0
        ? 1
        : max(
            1,
            1.25 * (2 * v * v * guessed + v * guessed * guessed) + (2.5 * v) ** 3 / log2(max(2.5 * v, 2)),
          );
    best = min(best, tries + sum(log2(elimination + linearised), log2(each) + log2(beta) * q));
  }
  return best;
}

function hybrid(samples: number, secret: number, errors: number, mostGuessed = 12): number {
  const beta = floor(samples / errors);
  const N = beta * errors;
  const k = N - (samples - secret);
  let best = Infinity;
  for (let u = 0; u < beta - 2; u++) {
    for (let q = 0; q < min(errors, mostGuessed); q++) best = min(best, hybridWith(N, k, errors, beta, u, q));
  }
  return best;
}

/** Regular noise gives an equation for each block: the attack is on N - t samples and k - t unknowns. */
function pooledGauss(samples: number, secret: number, errors: number): number {
  const [N, k] = [samples - errors, secret - errors];
  const choose = (n: number, m: number) => {
    let bits = 0;
    for (let i = 0; i < m; i++) bits += log2((n - i) / (m - i));
    return bits;
  };
  return 2.8 * log2(min(k, N - k)) + choose(N, errors) - choose(N - k, errors);
}

type Case = readonly [name: string, samples: number, secret: number, errors: number];

const own: readonly Case[] = (['s16', 'testInsecure'] as const).map((set) => [
  set,
  rowsOf(set),
  silentSets[set].secret,
  silentSets[set].trees,
]);
/** Sets of others. emp-ot gives b10 128.7 bits, b11 128.2 and b13 128.2 (tuning.h, May 2026). */
const known: readonly Case[] = [
  ['emp-ot b10, 2026', 870_400, 2 ** 16, 850],
  ['emp-ot b11, 2026', 2_396_160, 2 ** 17, 1170],
  ['emp-ot, 2020', 10_608_640, 589_824, 1295],
];
const given = process.argv.slice(2).map((text): Case => {
  const [samples, secret, errors] = text.split(',').map(Number) as [number, number, number];
  return [text, samples, secret, errors];
});

for (const [name, samples, secret, errors] of given.length > 0 ? given : [...own, ...known]) {
  const [bits, gauss] = [hybrid(samples, secret, errors), pooledGauss(samples, secret, errors)];
  console.log(
    `${name}: ${samples} samples, secret of ${secret}, ${errors} errors: ` +
      `hybrid ${bits.toFixed(1)} bits, pooled Gauss ${gauss.toFixed(1)}`,
  );
}
