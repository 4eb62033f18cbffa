import { choose, chooseReal } from './logarithms.ts';

/**
 * Information set decoding of regular noise, by the formulas of Esser and Santini, 'Not Just Regular
 * Decoding' (CRYPTO 2024, ePrint 2023/1568, A.1): N samples of a secret of k bits with w errors, one in each
 * block of N / w. Logarithms of operations; memory costs nothing.
 */
const { log2, floor, ceil, round, max, min } = Math;

/** Samples of whole blocks, as many equations, and unknowns less the equation that each block gives. */
function wholeBlocks(
  samples: number,
  k: number,
  w: number,
): { readonly N: number; readonly unknown: number } {
  const N = w * floor(samples / w);
  return { N, unknown: N - (samples - k) - w };
}

export function byPermutations(samples: number, k: number, w: number): number {
  const { N, unknown } = wholeBlocks(samples, k, w);
  return 2 * log2(N - unknown) + log2(N) - w * log2(1 - unknown / N);
}

/** That p errors lie in the v places of each block that lists run over, half of them in either half. */
function success(N: number, w: number, v: number, p: number): number {
  const part = (v * w) / N;
  if (part >= 1) return -Infinity;
  return (
    choose(floor(w / 2), round(p / 2)) +
    choose(ceil(w / 2), round(p / 2)) +
    p * log2(part) +
    (w - p) * log2(1 - part)
  );
}

export function byEnumeration(samples: number, k: number, w: number): number {
  const { N, unknown } = wholeBlocks(samples, k, w);
  let best = Infinity;
  for (let p = 0; p < 30; p += 2) {
    const about = max(0, choose(round(w / 2), p / 2) + (p / 2) * log2(unknown / w));
    for (let l = ceil(about / 2); l < min(round(1.5 * about), N - unknown); l++) {
      const v = (unknown + l) / w;
      const list = choose(round(w / 2), p / 2) + (p / 2) * log2(v);
      const once = log2(N) + max(2 * log2(N - unknown), 1 + list, 2 * list - l);
      best = min(best, once - success(N, w, v, p));
    }
  }
  return best;
}

/** Two levels of lists. */
export function byRepresentations(samples: number, k: number, w: number): number {
  const { N, unknown } = wholeBlocks(samples, k, w);
  let best = Infinity;
  for (let p = 0; p < 40; p += 4) {
    for (let more = 0; more < 32; more += 2) best = min(best, representationsWith(N, unknown, w, p, more));
  }
  return best;
}

/** Lists of weight p / 2 + `more`, of which `more` cancel. */
function representationsWith(N: number, unknown: number, w: number, p: number, more: number): number {
  const weight = p / 2 + more;
  const ways = chooseReal(round(w / 2), weight / 2);
  const about = ceil(2 * (ways + (weight / 2) * log2(unknown)));
  const representations = floor(2 * (chooseReal(p / 2, p / 4) + chooseReal(w / 2 - p / 2, more / 2)));
  let best = Infinity;
  if (!Number.isFinite(ways + representations)) return best;
  for (let l = floor(about / 2); l < floor(1.5 * about); l++) {
    const v = (unknown + l) / w;
    const list = ways + (weight / 2) * log2(v);
    const merged = 2 * list - representations;
    const last = 2 * merged - (l - representations);
    const once = log2(N) + max(2 * log2(N - unknown), 2 + list, 1 + merged, last);
    best = min(best, once - success(N, w, v, p));
  }
  return best;
}
