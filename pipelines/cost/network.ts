import type { Bytes } from './bytes.ts';
import type { MachineCosts } from './machine.ts';
import type { NetworkProfile } from './profiles.ts';

/** Seconds a byte and a message each way, and one way's delay. */
export type Link = {
  readonly up: number;
  readonly down: number;
  readonly message: number;
  readonly delay: number;
};

/** A byte takes the wire or the two ends, whichever is slower: they work at once. */
export function linkOf(
  { bitsPerSecond, roundTripSeconds }: NetworkProfile,
  { transport }: MachineCosts,
): Link {
  return {
    up: Math.max(8 / bitsPerSecond, transport.byteUp),
    down: Math.max(8 / bitsPerSecond, transport.byteDown),
    message: transport.message,
    delay: roundTripSeconds / 2,
  };
}

export function onWire({ bytes_up, bytes_down }: Bytes, { up, down }: Link): number {
  return bytes_up * up + bytes_down * down;
}
