import { expect, test } from 'vitest';
import { randomBits, unpackBits } from '../../../crypto/bits.ts';
import { blockWork } from '../../../crypto/ot/block-work.ts';
import {
  flipsOf,
  offeredSeeds,
  receivedSeeds,
  reversedReceive,
  reversedSend,
} from '../../../crypto/ot/reversed.ts';
import { waysOf } from '../../../crypto/ot/transfers.ts';
import { tags } from '../../../crypto/channel/channel.ts';
import type { Tag } from '../../../crypto/channel/channel.ts';
import { MeteredChannel } from '../../../crypto/channel/meter.ts';
import { memoryChannels } from '../../../crypto/channel/memory.ts';
import { loadColumns } from '../../../crypto/ring/columns.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { dealtTransfers } from '../../helpers/protocol/dealt-ot.ts';
import { seededRng } from '../../helpers/rng.ts';
import { coinsZ, sixSigma } from '../../helpers/statistics.ts';

const work = blockWork(await loadColumns());
const count = 128;
const name = new TextEncoder().encode('a direction');
const hex = (seed: Uint8Array) => Buffer.from(seed).toString('hex');

async function exchanged(seed: string, choices: Uint8Array) {
  const [choosing, offering] = dealtTransfers(seededRng(seed), work);
  const [near, far] = memoryChannels();
  const [seeds, pairs] = await Promise.all([
    reversedReceive(near, choosing, choices, name),
    reversedSend(far, offering, name),
  ]);
  return { seeds, pairs, choosing, offering };
}

test('the receiver has the chosen seed of each pair and not the other, whatever the rows chose', async () => {
  for (const choices of [
    new Uint8Array(count),
    new Uint8Array(count).fill(1),
    randomBits(seededRng('c'), count),
  ]) {
    const { seeds, pairs } = await exchanged('pairs', choices);
    expect(seeds.map(hex)).toEqual(pairs.map((pair, i) => hex(pair[choices[i]!]!)));
    expect(new Set(pairs.flat().map(hex)).size).toBe(2 * count);
    expect(pairs.flat().every((seed) => seed.length === 16)).toBe(true);
  }
});

test('both keep the rows that follow, and those of the keys are gone', async () => {
  const { choosing, offering } = await exchanged('follow', new Uint8Array(count));
  const [near, far] = memoryChannels();
  await Promise.all([choosing.prepare(waysOf(near), count), offering.prepare(waysOf(far), count)]);
  const [{ first, rows, choices }, offered] = await Promise.all([choosing.take(count), offering.take(count)]);
  expect([first, offered.first]).toEqual([count, count]);
  const bit = (i: number) => (choices[i >> 3]! >> (i & 7)) & 1;
  expect(offered.rows).toEqual(rows.map((word, at) => word ^ (bit(at >> 2) * offering.delta[at & 3]!)));
});

test('equal rows of two transfers, or of two directions, give different seeds', () => {
  const row = Uint32Array.of(1, 2, 3, 4);
  const rows = { first: 0, rows: Uint32Array.of(...row, ...row), choices: Uint8Array.of(0) };
  const seeds = receivedSeeds(rows, name);
  expect(seeds[0]).not.toEqual(seeds[1]);
  expect(receivedSeeds(rows, new TextEncoder().encode('another'))[0]).not.toEqual(seeds[0]);
  const far = { first: 0, rows: new Uint32Array(4 * 257), choices: new Uint8Array(33) };
  expect(new Set(receivedSeeds(far, name).map(hex)).size).toBe(257);
});

test('flips show no choice: coins for equal choices; with a pad that comes again they would show', async () => {
  const runs = 40;
  for (const choice of [0, 1]) {
    const choices = new Uint8Array(count).fill(choice);
    const [choosing, offering] = dealtTransfers(seededRng(`flips ${choice}`), work);
    const [near, far] = memoryChannels();
    await Promise.all([
      choosing.prepare(waysOf(near), runs * count),
      offering.prepare(waysOf(far), runs * count),
    ]);
    const flips: number[] = [];
    for (let run = 0; run < runs; run++) {
      const packed = flipsOf(await choosing.take(count), choices);
      flips.push(...unpackBits(packed, count, 'flips'));
    }
    expect(coinsZ(flips)).toBeLessThan(sixSigma);
  }
  const pad = { first: 0, rows: new Uint32Array(8), choices: Uint8Array.of(2) };
  const [one, two] = [flipsOf(pad, Uint8Array.of(1, 0)), flipsOf(pad, Uint8Array.of(0, 0))];
  expect(one[0]! ^ two[0]!).toBe(1);
});

/** Sends other choices for the second tree's columns, which are bits 4 to 7 of each row. */
class Cheating extends MeteredChannel {
  override send(tag: Tag, step: number, payload: Uint8Array): Promise<void> {
    if (tag === tags.otExtension) payload[0]! ^= 1;
    return super.send(tag, step, payload);
  }
}

test('rows that fail their check give no keys; unchecked, the keys would tell Delta', async () => {
  const [choosing, offering] = dealtTransfers(seededRng('cheat'), work);
  const [near, far] = memoryChannels();
  const received = reversedReceive(new Cheating(near), choosing, new Uint8Array(count), name);
  await expect(reversedSend(far, offering, name)).rejects.toThrow(ProtocolError);
  await received;

  const zeros = new Uint32Array(4);
  const own = hex(receivedSeeds({ first: 0, rows: zeros, choices: Uint8Array.of(0) }, name)[0]!);
  const told = [0, 1].map((bit) => {
    // A chooser of 0 that flips column 4: where Delta's bit is 1, the other party's row moves by it.
    const delta = Uint32Array.of(1 | (bit << 4), 2, 3, 4);
    const moved = Uint32Array.of(delta[0]! & 16, 0, 0, 0);
    const pairs = offeredSeeds({ first: 0, rows: moved }, delta, Uint8Array.of(0), name);
    return hex(pairs[0]![0]) === own;
  });
  expect(told).toEqual([true, false]);
});
