import type { Window } from '../../sign/batch.ts';
import type { ReluSpec } from '../../spec.ts';

/**
 * What the sign test looks at: the top bit of v_C + v_S mod 2^m, where v is bits k to B of a share and m = B
 * - k + 1.
 *
 * k = 0 is exact for |x| < 2^B. For k > 0 the low bits are dropped (Circa: Ghodsi, Jha, Reagen and Garg,
 * NeurIPS 2021), and the test sees floor(x / 2^k) minus the carry of the dropped bits. Circa's fault |x| / p
 * of a prime field does not occur, because the size of the ring is a power of two. The test then needs |x| <
 * 2^B - 2^k: the last 2^k values before 2^B (negPass) or -2^B (posZero) may wrap.
 */
export function windowOf({ k, bits }: ReluSpec): Window {
  return { k, bits: bits - k + 1 };
}

/** m */
export function windowBits(spec: ReluSpec): number {
  return windowOf(spec).bits;
}

/** What S adds to its share before it cuts the window. Adding 2^k lets small negative values pass. */
export function windowOffset(spec: ReluSpec): number {
  return spec.mode === 'negPass' ? 2 ** spec.k : 0;
}

/** d in the clear, faults included, given the client's share: 1 when x passes. */
export function passesInClear(x: number, xC: number, k: number, offset: number, topOfWindow: number): number {
  const sum = (xC >>> k) + ((x - xC + offset) >>> k);
  return ((sum >>> topOfWindow) & 1) ^ 1;
}

/**
 * The probability, over the client's uniform share, that the sign test is wrong at x, where |x| < 2^bits -
 * 2^k when k > 0. `posZero` takes 0 <= x < 2^k for negative with probability 1 - (x + 1) / 2^k. `negPass`
 * lets -2^k <= x < 0 pass with probability (x + 2^k + 1) / 2^k.
 */
export function faultProbability(x: number, k: number, mode: ReluSpec['mode']): number {
  const size = 2 ** k;
  if (mode === 'posZero') return x >= 0 && x < size ? 1 - (x + 1) / size : 0;
  return x >= -size && x < 0 ? (x + size + 1) / size : 0;
}
