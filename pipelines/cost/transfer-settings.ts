import { defaultDepth, depthsOf } from '../../crypto/ot/blocks.ts';
import type { TransferSource } from '../../crypto/ot/session.ts';
import type { TransferMode } from '../inference/layer-transfers.ts';
import type { NetworkProfile } from './profiles.ts';

/** How a session draws its transfers. */
export type TransferSettings = {
  /** Of the trees of SoftSpokenOT. */
  readonly depth: number;
  readonly mode: TransferMode;
};

export const defaultTransfers: TransferSettings = { depth: defaultDepth, mode: 'auto' };

/** The settings that suit a network. */
export function transfersFor(profile: NetworkProfile, mode: TransferMode = 'auto'): TransferSettings {
  return { depth: depthFor(profile), mode };
}

/**
 * Nanoseconds of the processor that a party draws or checks a transfer in, by the depth of the trees (AMD
 * EPYC with AVX-512, blocks of 2^18 rows, best of 25).
 */
const drawing = [NaN, 24, 20, 21, 25, 34, 57, 121, 205] as const;

/** The same for all that it does with a transfer at the default depth: it hashes the row too. */
const altogether = 45;

/** The same of a silent transfer, with its check, in the same run as 30 and 26 at the default depth. */
const silently = 18.5 * (drawing[defaultDepth] / 28);

/** The processor time of a transfer, as a multiple of that of SoftSpokenOT at the default depth. */
export function relativeWork(source: TransferSource, depth: number): number {
  const own = source === 'softspoken' ? drawing[depth]! : silently;
  return 1 + (own - drawing[defaultDepth]) / altogether;
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
