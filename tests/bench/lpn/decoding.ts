import { choose, sum } from './logarithms.ts';

/**
 * Attacks on noise of a fixed weight, by the formulas of Liu, Wang, Yang, Yu, ePrint 2022/712: N samples of a
 * secret of k bits with t errors. Logarithms of operations; memory costs nothing. Regular noise gives an
 * equation for each block, so that N and k are less by t there.
 */
const { log2, floor, min, max } = Math;

export function pooledGauss(N: number, k: number, t: number): number {
  return 2.8 * log2(min(k, N - k)) + choose(N, t) - choose(N - k, t);
}

/** The better of statistical decoding and its version 2.0, which guesses a part of the secret. */
export function statisticalDecoding(N: number, k: number, t: number): number {
  const cost = (own: number) => log2(own + 1) + 2 * t * log2((N - t + 1) / (N - own - t));
  return min(cost(k), cost(k - floor(pooledGauss(N, k, t))));
}

/** Elimination of a matrix without its `l` rows of the lists. */
function elimination(N: number, k: number, l: number): number {
  const rows = N - k - l;
  return log2(rows) + log2(N) - log2(log2(rows));
}

/** The most equations that lists are merged on. */
const mostEquations = 400;

/** Numbers of the lists' equations, with k + l even. */
function* equations(N: number, k: number): Generator<number> {
  for (let l = k % 2; l <= min(mostEquations, N - k - 3); l += 2) yield l;
}

/** Information set decoding of Stern and Dumer, over the weight p in the lists and their equations. */
export function sternDumer(N: number, k: number, t: number): number {
  let best = Infinity;
  for (let p = 0; p <= min(t, 40); p += 2) {
    for (const l of equations(N, k)) {
      const list = choose((k + l) / 2, p / 2);
      const merged = 2 * list - l;
      const once = log2(N) + sum(elimination(N, k, l), 1 + list, 1 + merged);
      const success = choose(N - k - l, t - p) + l + merged - choose(N, t);
      if (Number.isFinite(success)) best = min(best, once - min(success, 0));
    }
  }
  return best;
}

/** Information set decoding of Becker, Joux, May and Meurer, three levels of lists. */
export function bjmm(N: number, k: number, t: number): number {
  let best = Infinity;
  for (let p2 = 0; p2 < t; p2 += 2) {
    const found = bjmmWith(N, k, t, p2);
    best = min(best, found);
    if (found > best + 8) break;
  }
  return best;
}

/** With weight p2 in the lowest lists. */
function bjmmWith(N: number, k: number, t: number, p2: number): number {
  let best = Infinity;
  for (let e2 = 0; e2 < p2; e2++) {
    const p1 = 2 * (p2 - e2);
    for (let e1 = max(0, p1 - floor(t / 2)); e1 < p1; e1++) {
      for (const l of equations(N, k)) best = min(best, bjmmOnce(N, k, t, { p2, p1, e2, e1, l }));
    }
  }
  return best;
}

type Levels = {
  readonly p2: number;
  readonly p1: number;
  readonly e2: number;
  readonly e1: number;
  readonly l: number;
};

function bjmmOnce(N: number, k: number, t: number, { p2, p1, e2, e1, l }: Levels): number {
  const [n, p] = [k + l, 2 * (p1 - e1)];
  const lowest = choose(n / 2, p2 / 2);
  // Of two sums of such weights, those that have the next weight.
  const fit = (from: number, overlap: number) =>
    choose(from, overlap) + choose(n - from, from - overlap) - choose(n, from);
  const [fit2, fit1] = [fit(p2, e2), fit(p1, e1)];
  // Equations of the two lower mergers, as many as there are representations (Hamdaoui and Sendrier, ePrint
  // 2013/162).
  const r2 = between(floor(fit2 + 4 * lowest - choose(n, p1)), 0, l - 1);
  const r1 = between(floor(fit1 + 2 * choose(n, p1) - choose(n, p)) - r2, 0, l - r2 - 1);
  const merged3 = 2 * lowest - r2;
  const merged2 = 2 * merged3 - r1;
  const list1 = min(fit2 + merged2, choose(n, p1) - r1 - r2);
  const merged1 = 2 * list1 - l + r1 + r2;
  const solutions = min(fit1 + merged1, choose(n, p) - l);
  const lists = [3 + lowest, 2 + merged3, 1 + merged2, 1 + merged1];
  const once = log2(N) + sum(elimination(N, k, l), ...lists);
  const success = choose(N - k - l, t - p) + l + solutions - choose(N, t);
  return Number.isFinite(success) ? once - min(success, 0) : Infinity;
}

function between(x: number, least: number, most: number): number {
  return max(least, min(x, most));
}
