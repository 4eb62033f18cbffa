import { copyBits, packedBytes, packFields, unpackBits, unpackFields } from '../bits.ts';
import type { ChosenRows, OfferedRows } from '../ot/transfers.ts';
import type { Planes } from '../ring/planes.ts';
import { noOffset, wordKeys } from '../sign/keys.ts';

/**
 * Products of random numbers mod 2^32, one factor of each party: C has u, S has a, and P_C + P_S = u a. S
 * chooses in 32 transfers, and its random choices are the bits of a (Gilboa, CRYPTO 1999, section 4.1). For
 * bit i, with the keys k0 and k1 of its transfer:
 *
 *   C sends c = k0 - k1 + u mod 2^(32 - i)     S has k = k0, or k1 where the bit is set
 *   C's share takes -2^i k0                    S's share takes 2^i (k + a_i c) = 2^i (k0 + a_i u)
 *
 * The corrections take 66 bytes a product. They are uniform to S, which lacks one key of each transfer; C
 * sees nothing. Rows are [32, size], bit 0 first; a batch has `size` products.
 */
export const productBits = 32;

/** Transfers of a product, in which S chooses. */
export const productTransfers: number = productBits;

const bitsOf = (bit: number) => productBits - bit;

/** Bytes of C's corrections for `count` products, plane after plane. */
export function correctionBytes(count: number): number {
  let bytes = 0;
  for (let bit = 0; bit < productBits; bit++) bytes += packedBytes(count, bitsOf(bit));
  return bytes;
}

export type ClientProducts = {
  /** P_C, [size] */
  readonly share: Uint32Array<ArrayBuffer>;
  /** `correctionBytes` for S. */
  readonly corrections: Uint8Array<ArrayBuffer>;
};

/** C's half for the factors `u`, [size]. */
export function clientProducts(
  planes: Planes,
  salt: Uint8Array,
  delta: Uint32Array,
  rows: OfferedRows,
  u: Uint32Array,
): ClientProducts {
  const size = u.length;
  const [k0, k1] = wordKeys(planes, salt, rows, [noOffset, delta]);
  const share = new Uint32Array(size);
  const corrections = new Uint8Array(correctionBytes(size));
  const correction = new Uint32Array(size);
  let at = 0;
  for (let bit = 0; bit < productBits; bit++) {
    const first = bit * size;
    for (let i = 0; i < size; i++) {
      const key = k0![first + i]!;
      share[i]! -= key << bit;
      correction[i] = key - k1![first + i]! + u[i]!;
    }
    const packed = packFields(correction, bitsOf(bit));
    corrections.set(packed, at);
    at += packed.length;
  }
  return { share, corrections };
}

/** What S keeps until C's corrections come, [size] each. */
export type ServerProductKeys = {
  readonly a: Uint32Array<ArrayBuffer>;
  /** The sum of the chosen keys, each times 2^i. */
  readonly keys: Uint32Array<ArrayBuffer>;
};

export function serverProductKeys(
  planes: Planes,
  size: number,
  salt: Uint8Array,
  rows: ChosenRows,
): ServerProductKeys {
  const [chosen] = wordKeys(planes, salt, rows, [noOffset]);
  const [a, keys] = [new Uint32Array(size), new Uint32Array(size)];
  for (let bit = 0; bit < productBits; bit++) {
    const choices = choicesOf(rows, bit * size, size);
    const first = bit * size;
    for (let i = 0; i < size; i++) {
      a[i]! |= choices[i]! << bit;
      keys[i]! += chosen![first + i]! << bit;
    }
  }
  return { a, keys };
}

/** One bit a byte. */
function choicesOf({ choices }: ChosenRows, first: number, count: number): Uint8Array {
  const own = new Uint8Array(packedBytes(count, 1));
  copyBits(choices, first, own, 0, count);
  return unpackBits(own, count, 'choices of products');
}

/** P_S, [size]. Throws ProtocolError for corrections of a wrong length or with bits after the last one. */
export function serverProducts(
  { a, keys }: ServerProductKeys,
  corrections: Uint8Array,
): Uint32Array<ArrayBuffer> {
  const size = a.length;
  const share = keys.slice();
  let at = 0;
  for (let bit = 0; bit < productBits; bit++) {
    const width = bitsOf(bit);
    const field = corrections.subarray(at, (at += packedBytes(size, width)));
    const correction = unpackFields(field, size, width, 'corrections of products');
    for (let i = 0; i < size; i++) share[i]! += (-((a[i]! >>> bit) & 1) & correction[i]!) << bit;
  }
  return share;
}
