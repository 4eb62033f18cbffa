import { ristretto255 } from '@noble/curves/ed25519.js';
import { expect, test } from 'vitest';
import { baseReceive, baseSenderFinish, baseSenderStart, pointBytes } from '../../../crypto/ot/base.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { seededRng } from '../../helpers/rng.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const session = new TextEncoder().encode('a session');

/** [RFC 9496, appendix A.1]: the first multiples of the generator. */
const multiples = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  'e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76',
  '6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919',
];

/** [RFC 9496, appendix A.2]: non-canonical, negative, non-square, and s = -1. */
const badEncodings = [
  '00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20',
  '26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

test('RFC 9496, A.1: multiples of the generator', () => {
  const { Point } = ristretto255;
  const points = [Point.ZERO, Point.BASE, Point.BASE.multiply(2n)];
  expect(points.map((point) => Buffer.from(point.toBytes()).toString('hex'))).toEqual(multiples);
});

test('the receiver has the chosen seed of each pair and not the other', () => {
  const rng = seededRng('base');
  const sender = baseSenderStart(rng);
  const choices = Uint8Array.of(0, 1, 1, 0, 1);
  const { points, seeds } = baseReceive(sender.key, choices, session, rng);
  const pairs = baseSenderFinish(sender, points, choices.length, session);
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
  const sender = baseSenderStart(rng);
  const { points, seeds } = baseReceive(sender.key, Uint8Array.of(0), session, rng);
  const pairs = baseSenderFinish(sender, points, 1, new TextEncoder().encode('another'));
  expect(pairs[0]).not.toContainEqual(seeds[0]);
});

test('equal points of two transfers give different seeds: the index is hashed', () => {
  const rng = seededRng('index');
  const sender = baseSenderStart(rng);
  const { points } = baseReceive(sender.key, Uint8Array.of(0), session, rng);
  const twice = new Uint8Array([...points, ...points]);
  const [first, second] = baseSenderFinish(sender, twice, 2, session);
  expect(first![0]).not.toEqual(second![0]);
});

test('a key that is no point, or the identity, is refused', () => {
  const rng = seededRng('bad keys');
  for (const bad of [...badEncodings, multiples[0]!]) {
    expect(() => baseReceive(hex(bad), Uint8Array.of(0), session, rng)).toThrow(ProtocolError);
  }
  expect(() => baseReceive(hex(multiples[2]!), Uint8Array.of(0), session, rng)).not.toThrow();
});

test('points that are no points, or the identity, are refused by index', () => {
  const rng = seededRng('bad points');
  const sender = baseSenderStart(rng);
  const { points } = baseReceive(sender.key, Uint8Array.of(0, 1), session, rng);
  for (const bad of [...badEncodings, multiples[0]!]) {
    const forged = points.slice();
    forged.set(hex(bad), pointBytes);
    expect(() => baseSenderFinish(sender, forged, 2, session)).toThrow(/baseOtPoints\[1\]/);
  }
  expect(() => baseSenderFinish(sender, points.subarray(1), 2, session)).toThrow(ProtocolError);
});
