import { describe, expect, test } from 'vitest';
import {
  baseReceive,
  baseSenderFinish,
  baseSenderStart,
  choiceBytes,
  pointBytes,
} from '../../../crypto/ot/base.ts';
import { nobleGroup } from '../../../crypto/platform/noble-group.ts';
import { nodePlatform } from '../../../crypto/platform/node.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { badEncodings, generatorMultiples } from '../../helpers/protocol/ristretto.ts';
import { seededRng } from '../../helpers/rng.ts';
import { residuesZ, sixSigma } from '../../helpers/statistics.ts';

const session = new TextEncoder().encode('a session');

/** The 30 bytes between the first, which is even, and the last, which is below 128, of each point. */
function inner(points: Uint8Array): number[] {
  return [...points].filter((_, i) => i % pointBytes !== 0 && i % pointBytes !== pointBytes - 1);
}

/** Servers receive, and servers run on Node. */
const receiving = await nodePlatform.receiverGroup!();

describe.each([
  ['noble', nobleGroup],
  ['libsodium', await nodePlatform.senderGroup!()],
])('base transfers, sent by %s', (_, group) => {
  test('the receiver has the chosen seed of each pair and not the other', () => {
    const rng = seededRng('base');
    const sender = baseSenderStart(group, rng);
    const choices = Uint8Array.of(0, 1, 1, 0, 1);
    const { points, seeds } = baseReceive(receiving, sender.key, choices, session, rng);
    const pairs = baseSenderFinish(group, sender, points, choices.length, session);
    for (const [i, seed] of seeds.entries()) {
      expect(seed).toEqual(pairs[i]![choices[i]!]);
      expect(seed).not.toEqual(pairs[i]![1 - choices[i]!]);
    }
    const all = pairs.flat().map((seed) => Buffer.from(seed).toString('hex'));
    expect(new Set(all).size).toBe(10);
    expect(all[0]).toHaveLength(32);
  });

  test('another session gives other seeds for the same points', () => {
    const rng = seededRng('sessions');
    const sender = baseSenderStart(group, rng);
    const { points, seeds } = baseReceive(receiving, sender.key, Uint8Array.of(0), session, rng);
    const pairs = baseSenderFinish(group, sender, points, 1, new TextEncoder().encode('another'));
    expect(pairs[0]).not.toContainEqual(seeds[0]);
  });

  test('equal points of two transfers give different seeds: the index is hashed', () => {
    const rng = seededRng('index');
    const sender = baseSenderStart(group, rng);
    const { points } = baseReceive(receiving, sender.key, Uint8Array.of(0), session, rng);
    const twice = new Uint8Array([...points, ...points]);
    const [first, second] = baseSenderFinish(group, sender, twice, 2, session);
    expect(first![0]).not.toEqual(second![0]);
  });

  test('a key that is no point, or the identity, is refused', () => {
    const rng = seededRng('bad keys');
    for (const bad of [...badEncodings, generatorMultiples[0]!]) {
      expect(() => baseReceive(receiving, bad, Uint8Array.of(0), session, rng)).toThrow(ProtocolError);
    }
    expect(() =>
      baseReceive(receiving, generatorMultiples[2]!, Uint8Array.of(0), session, rng),
    ).not.toThrow();
  });

  test('points that are no points, or the identity, are refused by index', () => {
    const rng = seededRng('bad points');
    const sender = baseSenderStart(group, rng);
    const { points } = baseReceive(receiving, sender.key, Uint8Array.of(0, 1), session, rng);
    for (const bad of [...badEncodings, generatorMultiples[0]!]) {
      const forged = points.slice();
      forged.set(bad, choiceBytes);
      expect(() => baseSenderFinish(group, sender, forged, 2, session)).toThrow(/baseOtPoints\[1\]/);
      forged.set(points.subarray(choiceBytes, choiceBytes + pointBytes), choiceBytes);
      forged.set(bad, choiceBytes + pointBytes);
      expect(() => baseSenderFinish(group, sender, forged, 2, session)).toThrow(/baseOtPoints\[1\]/);
    }
    expect(() => baseSenderFinish(group, sender, points.subarray(1), 2, session)).toThrow(ProtocolError);
  });

  test('points show no choice: uniform for both; with one scalar for all transfers they would show', () => {
    const rng = seededRng('points');
    const { key } = baseSenderStart(group, rng);
    const n = 125;
    for (const choice of [0, 1]) {
      const choices = new Uint8Array(n).fill(choice);
      expect(residuesZ(inner(baseReceive(receiving, key, choices, session, rng).points), 256)).toBeLessThan(
        sixSigma,
      );
    }
    const stuck = { bytes: (count: number) => new Uint8Array(count).fill(42) };
    const { points } = baseReceive(receiving, key, Uint8Array.of(0, 1), session, stuck);
    const place = (transfer: number, slot: number) =>
      points.subarray(choiceBytes * transfer + pointBytes * slot).subarray(0, pointBytes);
    expect(place(0, 1)).toEqual(place(1, 0)); // The point that was drawn lies in the slot that was not chosen.
  });

  test('a receiver that fixes both points knows at most one seed: each point moves the other slot’s seed', () => {
    const rng = seededRng('fixed');
    const sender = baseSenderStart(group, rng);
    const { points, seeds } = baseReceive(receiving, sender.key, Uint8Array.of(0), session, rng);
    const forged = points.slice();
    forged.set(generatorMultiples[2]!, pointBytes); // r_1 of its own making, r_0 as it was
    const [before, after] = [points, forged].map(
      (sent) => baseSenderFinish(group, sender, sent, 1, session)[0]!,
    );
    expect(before![0]).toEqual(seeds[0]);
    expect(after![0]).not.toEqual(before![0]);
    expect(after![1]).not.toEqual(before![1]);
  });
});
