/**
 * The hybrid attack on regular noise of Wang, Wang, Hao, Liu, Yu and others, ePrint 2025/1284, with all of
 * its parameters searched. Logarithms of operations.
 */
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

export function hybrid(samples: number, secret: number, errors: number, mostGuessed = 12): number {
  const beta = floor(samples / errors);
  const N = beta * errors;
  const k = N - (samples - secret);
  let best = Infinity;
  for (let u = 0; u < beta - 2; u++) {
    for (let q = 0; q < min(errors, mostGuessed); q++) best = min(best, hybridWith(N, k, errors, beta, u, q));
  }
  return best;
}
