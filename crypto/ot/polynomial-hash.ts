import { aesEcb, blockBytes, fastGhash } from '../platform/platform.ts';
import type { Columns } from '../ring/columns.ts';
import { fieldOf, ofField, times } from './field.ts';

/**
 * A universal hash of the joined parts of `bytes` bytes each, whole 16-byte blocks: the linear part of GHASH
 * (SP 800-38D) under H = AES_key(0), the same on every platform. 1 ns a block by the platform's GHASH, 10 ns
 * by the kernel. The key is public.
 */
export function polynomialHash(
  columns: Columns,
  key: Uint8Array,
  bytes: number,
  parts: Iterable<Uint8Array>,
): Uint8Array<ArrayBuffer> {
  const ghash = fastGhash();
  if (ghash === undefined) return hashByKernel(columns, key, bytes, parts);
  let all = 0;
  const counted = function* () {
    for (const part of parts) {
      all += bytes;
      yield part;
    }
  };
  const tag = fieldOf(ghash(key, counted()));
  return ofField(tag ^ tagOfZeros(key, all));
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
  bytes: number,
  parts: Iterable<Uint8Array>,
): Uint8Array<ArrayBuffer> {
  const h = pointOf(key);
  return joined(h, bytes, parts, columns.ghash(h, bytes).ofRuns);
}

/**
 * The same of parts whose blocks are the field's 1 at these places, from 0 on, and 0 elsewhere. Addresses
 * depend on the places.
 */
export function hashOfOnes(
  columns: Columns,
  key: Uint8Array,
  bytes: number,
  parts: Iterable<Iterable<number>>,
): Uint8Array<ArrayBuffer> {
  const h = pointOf(key);
  return joined(h, bytes, parts, columns.ghash(h, bytes).ofOnes);
}

function pointOf(key: Uint8Array): Uint8Array {
  return aesEcb(key)(new Uint8Array(blockBytes));
}

/** The hash of all parts from that of each. */
function joined<Part>(
  h: Uint8Array,
  bytes: number,
  parts: Iterable<Part>,
  hash: (part: Part) => Uint8Array,
): Uint8Array<ArrayBuffer> {
  const factor = power(fieldOf(h), bytes / blockBytes);
  let sum = 0n;
  for (const part of parts) sum = times(sum, factor) ^ fieldOf(hash(part));
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
