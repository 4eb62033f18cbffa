import type { KeyPairs } from '../../ot/transfers.ts';

/**
 * y = d x, where d = e_C xor e_S is shared as bits and x = x_C + x_S, in wire order. C has a random bit b.
 * rot1 (S offers (k0, k1), C chose b) and rot2 (C offers (h0, h1), S chose e_S) are random OTs of ring
 * elements.
 *
 *   S: d2 = (1 - 2 e_S) x_S - (k1 - k0)                 C: K = k_b + b d2 = k0 + b (1 - 2 e_S) x_S
 *   C: d3 = (1 - 2 b) x_C - (h1 - h0), c = e_C xor b    S: H = h_{e_S} + e_S d3 = h0 + e_S (1 - 2 b) x_C
 *
 * d = c + (1 - 2 c) (b xor e_S), and (b xor e_S) x is shared as (K - h0 + b x_C) + (e_S x_S - k0 + H).
 */
export function serverReluMessage(xS: Uint32Array, eS: Uint8Array, { k0, k1 }: KeyPairs): Uint32Array {
  const d2 = new Uint32Array(xS.length);
  for (let i = 0; i < d2.length; i++) d2[i] = signed(xS[i]!, eS[i]!) - (k1[i]! - k0[i]!);
  return d2;
}

export type ClientReluState = {
  readonly b: Uint8Array;
  /** The keys that C chose in rot1. */
  readonly kb: Uint32Array;
  /** The keys that C offers in rot2. */
  readonly pairs: KeyPairs;
};

/** C's messages c and d3 and its share of y, [n] each. */
export function clientRelu(
  state: ClientReluState,
  xC: Uint32Array,
  eC: Uint8Array,
  d2: Uint32Array,
): { c: Uint8Array; d3: Uint32Array; share: Uint32Array } {
  const { b, kb, pairs } = state;
  const n = xC.length;
  const c = new Uint8Array(n);
  const d3 = new Uint32Array(n);
  const share = new Uint32Array(n);
  for (let i = 0; i < n; i++) {
    const x = xC[i]!;
    const bit = b[i]!;
    const flip = eC[i]! ^ bit;
    const h0 = pairs.k0[i]!;
    c[i] = flip;
    d3[i] = signed(x, bit) - (pairs.k1[i]! - h0);
    share[i] = blend(flip, x, kb[i]! + (-bit & d2[i]!) - h0 + (-bit & x));
  }
  return { c, d3, share };
}

/** S's share of y, [n]. `h` are the keys of rot2 that S chose with eS. */
export function serverRelu(
  xS: Uint32Array,
  eS: Uint8Array,
  k0: Uint32Array,
  h: Uint32Array,
  c: Uint8Array,
  d3: Uint32Array,
): Uint32Array {
  const share = new Uint32Array(xS.length);
  for (let i = 0; i < share.length; i++) {
    const x = xS[i]!;
    const e = -eS[i]!;
    share[i] = blend(c[i]!, x, (e & x) - k0[i]! + h[i]! + (e & d3[i]!));
  }
  return share;
}

/** (1 - 2 bit) x mod 2^32 */
function signed(x: number, bit: number): number {
  return ((x ^ -bit) + bit) | 0;
}

/** c x + (1 - 2 c) v mod 2^32 */
function blend(c: number, x: number, v: number): number {
  return (-c & x) + signed(v | 0, c);
}
