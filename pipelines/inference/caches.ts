import { defaultWeightCacheBytes } from '../../crypto/he/linear.ts';
import { defaultAheadBytes } from '../../crypto/ot/transfers.ts';

/**
 * How much a party keeps to save work: transformed weights for the next inference, of all sessions of its
 * pool together, and rows of transfers that are made before they are taken, of each session. None of them
 * changes an answer or a byte on the wire.
 */
export type Caches = {
  readonly weightBytes: number;
  /** Of each direction of transfers; one iteration or block is made whatever this is. */
  readonly aheadBytes: number;
};

export const defaultCaches: Caches = {
  weightBytes: defaultWeightCacheBytes,
  aheadBytes: defaultAheadBytes,
};

/** The threads of a pool share 4 GiB at most, and need some of it for requests and scratch. */
const mostWeightBytes = 1.5 * 2 ** 30;

/** The caches of a client that may keep `bytes` bytes (default: `defaultCaches`). It has no weights. */
export function clientCaches(bytes?: number): Pick<Caches, 'aheadBytes'> {
  if (bytes === undefined) return defaultCaches;
  return { aheadBytes: Math.min(defaultAheadBytes, Math.floor(bytes / 2)) };
}

/**
 * The caches of a server that may keep `bytes` bytes (default: `defaultCaches`): rows of each direction take
 * a quarter, if they need so much, and weights what is left, at most `mostWeightBytes`.
 */
export function serverCaches(bytes?: number): Caches {
  if (bytes === undefined) return defaultCaches;
  const aheadBytes = Math.min(defaultAheadBytes, Math.floor(bytes / 4));
  return { weightBytes: Math.min(mostWeightBytes, bytes - 2 * aheadBytes), aheadBytes };
}
