import { aesEcb, blockBytes, fastGhash } from '../platform/platform.ts';
import type { Columns } from '../ring/columns.ts';
import { fieldOf, ofField, times } from './field.ts';

/**
 * A universal hash of the joined parts, which have one length, whole 16-byte blocks: the linear part of
 * GHASH (SP 800-38D) under H = AES_key(0), the same on every platform. 1 ns a block by the platform's GHASH,
 * 70 ns by the kernel.
 */
export function polynomialHash(
  columns: Columns,
  key: Uint8Array,
  parts: Iterable<Uint8Array>,
): Uint8Array<ArrayBuffer> {
  const ghash = fastGhash();
  if (ghash === undefined) return hashByKernel(columns, key, parts);
  let bytes = 0;
  const counted = function* () {
    for (const part of parts) {
      bytes += part.length;
      yield part;
    }
  };
  const tag = fieldOf(ghash(key, counted()));
  return ofField(tag ^ tagOfZeros(key, bytes));
}

/** What GCM adds: the block of the length times H, and AES_key of the counter block of nonce 0. */
function tagOfZeros(key: Uint8Array, bytes: number): bigint {
  const encrypt = aesEcb(key);
  const counter = new Uint8Array(blockBytes);
  counter[blockBytes - 1] = 1;
  const length = BigInt(8 * bytes) << 64n;
  return times(length, fieldOf(encrypt(new Uint8Array(blockBytes)))) ^ fieldOf(encrypt(counter));
}

export function hashByKernel(
  columns: Columns,
  key: Uint8Array,
  parts: Iterable<Uint8Array>,
): Uint8Array<ArrayBuffer> {
  const h = aesEcb(key)(new Uint8Array(blockBytes));
  let [sum, factor] = [0n, 0n];
  for (const part of parts) {
    factor ||= power(fieldOf(h), part.length / blockBytes);
    sum = times(sum, factor) ^ fieldOf(columns.ghash(h, part, 1));
  }
  return ofField(sum);
}

function power(x: bigint, exponent: number): bigint {
  let result = 1n << 127n;
  for (let bits = exponent; bits > 0; bits = Math.floor(bits / 2)) {
    if (bits % 2 === 1) result = times(result, x);
    x = times(x, x);
  }
  return result;
}
