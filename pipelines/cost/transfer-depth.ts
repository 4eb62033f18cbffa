import { defaultDepth, depthsOf } from '../../crypto/ot/blocks.ts';
import type { NetworkProfile } from './profiles.ts';

/**
 * Nanoseconds of the processor that a party draws or checks a transfer in, by the depth of the trees (AMD
 * EPYC with AVX-512, blocks of 2^18 rows, best of 25).
 */
const drawing = [NaN, 24, 20, 21, 25, 34, 57, 121, 205] as const;

/** The same for all that it does with a transfer at the default depth: it hashes the row too. */
const altogether = 45;

/** The processor time of a transfer, as a multiple of that at the default depth. */
export function relativeWork(depth: number): number {
  return 1 + (drawing[depth]! - drawing[defaultDepth]) / altogether;
}

/**
 * The depth for a network: one more than the default where the time on the wire that this saves, 6 bits a
 * transfer, is longer than the 18 ns that it takes both parties; 4 is best down to 333 Mbit/s. Still deeper
 * trees save as much on the WAN as they take, and less deep ones send more on every network.
 */
export function depthFor({ bitsPerSecond }: NetworkProfile): number {
  const deeper = defaultDepth + 1;
  const savedBits = depthsOf(defaultDepth).length - depthsOf(deeper).length;
  const added = 2e-9 * (drawing[deeper]! - drawing[defaultDepth]);
  return savedBits / bitsPerSecond > added ? deeper : defaultDepth;
}
