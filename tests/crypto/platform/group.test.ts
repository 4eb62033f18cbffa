import { ristretto255 } from '@noble/curves/ed25519.js';
import { describe, expect, test } from 'vitest';
import { nobleGroup } from '../../../crypto/platform/noble-group.ts';
import { nodePlatform } from '../../../crypto/platform/node.ts';
import { badEncodings, generatorMultiples } from '../../helpers/protocol/ristretto.ts';
import { seededRng } from '../../helpers/rng.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const scalarOf = (value: number) => Uint8Array.of(value, ...new Uint8Array(31));
const { Point } = ristretto255;

/** [RFC 9496, appendix A.3]: 64 bytes and the point that the element derivation makes of them. */
const derived = [
  '5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c14d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6',
  '3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46',
].map(hex);

const sender = await nodePlatform.senderGroup!();
const receiver = await nodePlatform.receiverGroup!();

describe.each([
  ['noble', nobleGroup],
  ['libsodium', sender],
])('ristretto255 by %s', (_, group) => {
  test('RFC 9496, A.1: multiples of the generator', () => {
    for (const [i, encoded] of generatorMultiples.entries()) {
      // No honest party has the scalar 0.
      if (i > 0) expect(group.multiple(scalarOf(i))).toEqual(encoded);
    }
  });

  test('RFC 9496, A.2: what is no canonical encoding of a point is refused, and so is the identity', () => {
    expect(badEncodings).toHaveLength(29);
    for (const bad of [...badEncodings, generatorMultiples[0]!]) {
      expect(group.multipleOfSum(scalarOf(1), bad, derived[0]!)).toBeUndefined();
    }
  });

  test('RFC 9496, A.3: the point of 64 bytes, added to others', () => {
    const [uniform, point] = derived as [Uint8Array, Uint8Array];
    const mapped = Point.fromBytes(point);
    for (const s of [1, 7]) {
      const own = Point.fromBytes(generatorMultiples[s]!);
      const sum = own.add(mapped).multiply(5n).toBytes();
      expect(group.multipleOfSum(scalarOf(5), generatorMultiples[s]!, uniform)).toEqual(sum);
    }
  });

  test('a point that cancels the mapped one gives the identity, whatever the scalar', () => {
    const [uniform, point] = derived as [Uint8Array, Uint8Array];
    const cancelling = Point.fromBytes(point).negate().toBytes();
    expect(group.multipleOfSum(scalarOf(9), cancelling, uniform)).toEqual(generatorMultiples[0]);
  });

  test('a scalar is its 64 bytes modulo the order', () => {
    const bytes = (value: bigint) =>
      Uint8Array.from({ length: 64 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
    const { ORDER } = Point.Fn;
    for (const [value, expected] of [
      [ORDER + 3n, 3],
      [(1n << 255n) * ORDER + 200n, 200],
    ] as const)
      expect(group.scalar(bytes(value))).toEqual(scalarOf(expected));
  });
});

describe('what a receiver takes besides', () => {
  test('RFC 9496, A.1: multiples of a point', () => {
    const base = receiver.multiplesOf(generatorMultiples[1]!)!;
    const threefold = receiver.multiplesOf(generatorMultiples[3]!)!;
    for (const s of [1, 2, 5]) {
      expect(base(scalarOf(s))).toEqual(generatorMultiples[s]);
      expect(threefold(scalarOf(s))).toEqual(generatorMultiples[3 * s]);
    }
  });

  test('RFC 9496, A.2: a point that is none, or the identity, has no multiples', () => {
    for (const bad of [...badEncodings, generatorMultiples[0]!])
      expect(receiver.multiplesOf(bad)).toBeUndefined();
  });

  test('RFC 9496, A.3: the point of 64 bytes, subtracted', () => {
    const [uniform, point] = derived as [Uint8Array, Uint8Array];
    for (const s of [1, 7]) {
      const expected = Point.fromBytes(generatorMultiples[s]!).subtract(Point.fromBytes(point)).toBytes();
      expect(receiver.multipleLess(scalarOf(s), uniform)).toEqual(expected);
    }
  });
});

test('both give the same bytes for random scalars', () => {
  const rng = seededRng('groups');
  for (let i = 0; i < 20; i++) {
    const [wide, uniform] = [rng.bytes(64), rng.bytes(64)];
    const scalar = sender.scalar(wide);
    expect(nobleGroup.scalar(wide)).toEqual(scalar);
    const point = sender.multiple(scalar);
    expect(nobleGroup.multiple(scalar)).toEqual(point);
    const [a, b] = [nobleGroup, sender].map((group) => group.multipleOfSum(scalar, point, uniform));
    expect(a).toEqual(b);
  }
});
