import { asBytes, packBits, unpackBits } from '../bits.ts';
import { tags } from '../channel/channel.ts';
import type { Channel } from '../channel/channel.ts';
import { sha256 } from '../platform/platform.ts';
import { prgSeedBytes } from '../prg.ts';
import type { SeedPairs } from './base.ts';
import { rowWords, securityBits, waysOf } from './transfers.ts';
import type { ChoosingTransfers, ChosenRows, OfferedRows, OfferingTransfers } from './transfers.ts';

/**
 * The base transfers of the second direction, from the first rows of the first one: as many as a Delta has
 * bits. The party that chooses there receives here, which is what it does in base transfers for a Delta of
 * its own. Rows of one Delta become independent keys by a random oracle (Ishai, Kilian, Nissim, Petrank,
 * CRYPTO 2003, Sect. 3):
 *
 *   k_0 = K(j, q_j),   k_1 = K(j, q_j xor Delta),   the chooser's own is K(j, t_j)
 *
 * and random choices become chosen ones by telling where they differ (Beaver, STOC 1995), which the random
 * choice hides. K is SHA-256 over the direction and the index, so that no key is one of another transfer, and
 * so that it has nothing in common with the hash of the rows that steps use.
 *
 * Both parties may deviate. The rows have passed their check before the offering party derives a key: with
 * rows of other choices in some trees the keys would hang on bits of Delta, and the next message tell them.
 * The party that offers sends nothing here and sees the choices under a pad.
 */

/** One seed a transfer for the party that chooses, over a channel whose next rows are these. */
export async function reversedReceive(
  channel: Channel,
  transfers: ChoosingTransfers,
  choices: Uint8Array,
  name: Uint8Array,
): Promise<Uint8Array[]> {
  await transfers.prepare(waysOf(channel), securityBits);
  const rows = await transfers.take(securityBits);
  await channel.send(tags.baseOtFlips, step, flipsOf(rows, choices));
  return receivedSeeds(rows, name);
}

/** The other half. Rejects with ProtocolError for rows that fail their check, before it derives a key. */
export async function reversedSend(
  channel: Channel,
  transfers: OfferingTransfers,
  name: Uint8Array,
): Promise<SeedPairs> {
  await transfers.prepare(waysOf(channel), securityBits);
  const rows = await transfers.take(securityBits);
  const flips = await channel.receive(tags.baseOtFlips, step, flipBytes);
  return offeredSeeds(rows, transfers.delta, flips, name);
}

const step = 0;
/** Of the message of flips. */
export const flipBytes: number = securityBits / 8;

/** Where `choices`, one a byte, differ from the random ones of the rows. Packed. */
export function flipsOf({ choices: random }: ChosenRows, choices: Uint8Array): Uint8Array<ArrayBuffer> {
  const padded = packBits(choices);
  for (let i = 0; i < padded.length; i++) padded[i]! ^= random[i]!;
  return padded;
}

/** The seed of 16 bytes of each row. */
export function receivedSeeds({ rows }: ChosenRows, name: Uint8Array): Uint8Array[] {
  return eachRow(rows, (row, index) => seedOf(name, index, row));
}

/** Both seeds of each row, that of the choice 0 first. */
export function offeredSeeds(
  { rows }: OfferedRows,
  delta: Uint32Array,
  flips: Uint8Array,
  name: Uint8Array,
): SeedPairs {
  const flipped = unpackBits(flips, rows.length / rowWords, 'baseOtFlips');
  return eachRow(rows, (row, index) => {
    const zero = seedOf(name, index, row);
    const one = seedOf(
      name,
      index,
      row.map((word, i) => word ^ delta[i]!),
    );
    return flipped[index] === 0 ? ([zero, one] as const) : ([one, zero] as const);
  });
}

function eachRow<T>(rows: Uint32Array, make: (row: Uint32Array, index: number) => T): T[] {
  return Array.from({ length: rows.length / rowWords }, (_, index) =>
    make(rows.subarray(rowWords * index, rowWords * (index + 1)), index),
  );
}

const domain = new TextEncoder().encode('reluctant reversed base OT');

function seedOf(name: Uint8Array, index: number, row: Uint32Array): Uint8Array {
  const place = Uint8Array.of(index & 0xff, index >>> 8);
  return sha256(domain, name, place, asBytes(row)).subarray(0, prgSeedBytes);
}
