import type { Bytes } from './bytes.ts';
import type { MachineCosts } from './machine.ts';
import type { NetworkProfile } from './profiles.ts';

/**
 * A connection: seconds per byte in each direction, seconds per message, and the one-way delay in seconds.
 */
export type Link = {
  /** Of long streams, which the ends and the network carry at the same time. */
  readonly up: number;
  readonly down: number;
  /** Of the network alone, and of the processors of both ends together. */
  readonly wire: number;
  readonly ends: { readonly up: number; readonly down: number };
  readonly message: number;
  readonly delay: number;
};

/** A byte takes as long as the slower of the network and the two ends, because they work at the same time. */
export function linkOf(
  { bitsPerSecond, roundTripSeconds }: NetworkProfile,
  { transport }: MachineCosts,
): Link {
  return {
    up: Math.max(8 / bitsPerSecond, transport.byteUp),
    down: Math.max(8 / bitsPerSecond, transport.byteDown),
    wire: 8 / bitsPerSecond,
    ends: { up: transport.byteUp, down: transport.byteDown },
    message: transport.message,
    delay: roundTripSeconds / 2,
  };
}

export function onWire({ bytes_up, bytes_down }: Bytes, { up, down }: Link): number {
  return bytes_up * up + bytes_down * down;
}
