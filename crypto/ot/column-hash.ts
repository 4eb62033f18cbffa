import { aesEcb, fastGhash } from '../platform/platform.ts';
import type { Columns } from '../ring/columns.ts';

/** Bytes of a hash. */
export const hashBytes = 16;

/** Up to this length the kernel takes less than half of the time of OpenSSL, which costs a call a column. */
const kernelBytes = 512;

/**
 * A linear universal hash of each of `count` columns of equal length, a multiple of 16 bytes: the linear part
 * of GHASH (SP 800-38D) under H = AES_key(0). Two columns that differ have equal hashes for at most blocks +
 * 1 of 2^128 values of H. [count, 16 bytes]. Columns in the memory of `kernels` are not copied. The key is
 * public.
 */
export function hashColumns(
  key: Uint8Array,
  columns: Uint8Array,
  count: number,
  kernels: Columns,
): Uint8Array<ArrayBuffer> {
  const bytes = columns.length / count;
  const ghash = fastGhash();
  if (bytes <= kernelBytes || ghash === undefined)
    return kernels.ghash(aesEcb(key)(new Uint8Array(hashBytes)), bytes).ofRuns(columns);
  const constant = ghash(key, [new Uint8Array(bytes)]);
  const hashes = new Uint8Array(hashBytes * count);
  for (let j = 0; j < count; j++) {
    const hash = ghash(key, [columns.subarray(j * bytes, (j + 1) * bytes)]);
    for (let b = 0; b < hashBytes; b++) hashes[hashBytes * j + b] = hash[b]! ^ constant[b]!;
  }
  return hashes;
}
