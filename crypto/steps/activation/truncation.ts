import type { KeyPairs } from '../../ot/transfers.ts';

/**
 * Truncation of shared values by t bits, which is exactly stochastic rounding. For |x| < 2^29 and 1 <= t <=
 * 29 the result is
 *
 *   T(x) = floor((x + U) / 2^t),   U = 2^t - 1 - (x_C mod 2^t),
 *
 * that is, floor(x / 2^t) or one more, the latter with probability (x mod 2^t) / 2^t over the client's
 * uniform share.
 *
 * S adds 2^30 + 2^t - 1 to its share, so that the value x' lies in [0, 2^31). The carry of x_C + x_S out of
 * the ring is then m_C or m_S, where m is the top bit of a share (Cheetah's truncation with known sign:
 * Huang, Lu, Hong and Ding, USENIX Security 2022), and with w this carry (x_C >> t) + (x_S >> t) = floor((x'
 * + w 2^32) / 2^t) - [carry of the low bits]. The 2^30 is subtracted again after the shift. Without the 2^t -
 * 1 the mean would be x / 2^t - 1; with it the mean is x / 2^t.
 *
 * Each element takes one random OT mod 2^t in which the client chooses m_C, and online one message of t bits
 * from S.
 */
export const maxTruncate = 29;

/** The client's choice bits, [n]: the top bits of its share. */
export function truncationChoices(xC: Uint32Array): Uint8Array {
  const choices = new Uint8Array(xC.length);
  for (let i = 0; i < choices.length; i++) choices[i] = xC[i]! >>> 31;
  return choices;
}

/**
 * S's message d1, [n], of which the low t bits are sent, and its share of T(x). `pairs` are (g0, g1), taken
 * mod 2^t.
 */
export function serverTruncate(
  xS: Uint32Array,
  t: number,
  pairs: KeyPairs,
): { d1: Uint32Array; share: Uint32Array } {
  const { k0, k1 } = pairs;
  const d1 = new Uint32Array(xS.length);
  const share = new Uint32Array(xS.length);
  const lift = 2 ** 30 + 2 ** t - 1;
  const drop = 2 ** (30 - t);
  for (let i = 0; i < xS.length; i++) {
    const x = (xS[i]! + lift) >>> 0;
    const top = x >>> 31;
    d1[i] = 1 - top - (k1[i]! - k0[i]!);
    share[i] = (x >>> t) + ((k0[i]! - top) << (32 - t)) - drop;
  }
  return { d1, share };
}

/** C's share of T(x), [n]. G = g + m_C d1 is its share of the carry, mod 2^t. */
export function clientTruncate(xC: Uint32Array, t: number, keys: Uint32Array, d1: Uint32Array): Uint32Array {
  const share = new Uint32Array(xC.length);
  for (let i = 0; i < xC.length; i++) {
    const x = xC[i]!;
    const carry = keys[i]! + (-(x >>> 31) & d1[i]!);
    share[i] = (x >>> t) - (carry << (32 - t));
  }
  return share;
}

/** T(x) in the clear, given the client's share. */
export function truncateInClear(x: number, xC: number, t: number): number {
  return (x + (~xC & ((1 << t) - 1))) >> t;
}
