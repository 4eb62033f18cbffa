import { defaultWeightCacheBytes } from '../../crypto/he/linear.ts';
import { keptIndexBytes } from '../../crypto/ot/silent-sets.ts';
import { defaultAheadBytes } from '../../crypto/ot/transfers.ts';
import type { Indices } from '../../crypto/ring/silent.ts';

/**
 * How much a party keeps to save work: transformed weights for the next inference, of all sessions of its
 * pool together, rows of transfers that are made before they are taken, of each session, and in each thread
 * the indices of the code of silent transfers. None of them changes an answer or a byte on the wire.
 */
export type Caches = {
  readonly weightBytes: number;
  /** Of each direction of transfers; one iteration or block is made whatever this is. */
  readonly aheadBytes: number;
  readonly indices: Indices;
};

/** A client has no weights. */
export type ClientCaches = Omit<Caches, 'weightBytes'>;

export const defaultCaches: Caches = {
  weightBytes: defaultWeightCacheBytes,
  aheadBytes: defaultAheadBytes,
  indices: 'kept',
};

/** The threads of a pool share 4 GiB at most, and need some of it for requests and scratch. */
const mostWeightBytes = 1.5 * 2 ** 30;

/**
 * The caches of a client with so many threads that may keep `bytes` bytes (default: `defaultCaches`). It has
 * no weights: indices take up to a quarter, if they fit there, and rows what is left.
 */
export function clientCaches(bytes: number | undefined, threads: number): ClientCaches {
  if (bytes === undefined) return defaultCaches;
  const { indices, left } = afterIndices(bytes, threads);
  return { indices, aheadBytes: Math.min(defaultAheadBytes, Math.floor(left / 2)) };
}

/**
 * The caches of a server with so many threads that may keep `bytes` bytes (default: `defaultCaches`): indices
 * take up to a quarter, if they fit there; of what is left, rows of each direction take a quarter, if they
 * need so much, and weights the rest, at most `mostWeightBytes`.
 */
export function serverCaches(bytes: number | undefined, threads: number): Caches {
  if (bytes === undefined) return defaultCaches;
  const { indices, left } = afterIndices(bytes, threads);
  const aheadBytes = Math.min(defaultAheadBytes, Math.floor(left / 4));
  return { indices, aheadBytes, weightBytes: Math.min(mostWeightBytes, left - 2 * aheadBytes) };
}

/** Indices that are drawn save `keptIndexBytes` a thread, and cost a transfer 4 ns more. */
function afterIndices(bytes: number, threads: number): { readonly indices: Indices; readonly left: number } {
  const kept = threads * keptIndexBytes;
  return kept <= bytes / 4 ? { indices: 'kept', left: bytes - kept } : { indices: 'drawn', left: bytes };
}
