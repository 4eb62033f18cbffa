import { ristretto255 } from '@noble/curves/ed25519.js';
import { expect, test } from 'vitest';
import {
  baseReceive,
  baseSenderFinish,
  baseSenderStart,
  choiceBytes,
  pointBytes,
} from '../../../crypto/ot/base.ts';
import { ProtocolError } from '../../../src/shared/errors.ts';
import { seededRng } from '../../helpers/rng.ts';
import { residuesZ, sixSigma } from '../../helpers/statistics.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const session = new TextEncoder().encode('a session');

/** [RFC 9496, appendix A.1]: the generator times 0 to 15. */
const multiples = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  'e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76',
  '6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919',
  '94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259',
  'da80862773358b466ffadfe0b3293ab3d9fd53c5ea6c955358f568322daf6a57',
  'e882b131016b52c1d3337080187cf768423efccbb517bb495ab812c4160ff44e',
  'f64746d3c92b13050ed8d80236a7f0007c3b3f962f5ba793d19a601ebb1df403',
  '44f53520926ec81fbd5a387845beb7df85a96a24ece18738bdcfa6a7822a176d',
  '903293d8f2287ebe10e2374dc1a53e0bc887e592699f02d077d5263cdd55601c',
  '02622ace8f7303a31cafc63f8fc48fdc16e1c8c8d234b2f0d6685282a9076031',
  '20706fd788b2720a1ed2a5dad4952b01f413bcf0e7564de8cdc816689e2db95f',
  'bce83f8ba5dd2fa572864c24ba1810f9522bc6004afe95877ac73241cafdab42',
  'e4549ee16b9aa03099ca208c67adafcafa4c3f3e4e5303de6026e3ca8ff84460',
  'aa52e000df2e16f55fb1032fc33bc42742dad6bd5a8fc0be0167436c5948501f',
  '46376b80f409b29dc2b5f6f0c52591990896e5716f41477cd30085ab7f10301e',
  'e0c418f7c8d9c4cdd7395b93ea124f3ad99021bb681dfc3302a9d99a2e53e64e',
];

/** [RFC 9496, appendix A.2], all 29. */
const badEncodings = [
  // not canonical
  '00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'f3ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  // negative
  '0100000000000000000000000000000000000000000000000000000000000000',
  '01ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ed57ffd8c914fb201471d1c3d245ce3c746fcbe63a3679d51b6a516ebebe0e20',
  'c34c4e1826e5d403b78e246e88aa051c36ccf0aafebffe137d148a2bf9104562',
  'c940e5a4404157cfb1628b108db051a8d439e1a421394ec4ebccb9ec92a8ac78',
  '47cfc5497c53dc8e61c91d17fd626ffb1c49e2bca94eed052281b510b1117a24',
  'f1c6165d33367351b0da8f6e4511010c68174a03b6581212c71c0e1d026c3c72',
  '87260f7a2f12495118360f02c26a470f450dadf34a413d21042b43b9d93e1309',
  // x^2 is no square
  '26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371',
  '4eac077a713c57b4f4397629a4145982c661f48044dd3f96427d40b147d9742f',
  'de6a7b00deadc788eb6b6c8d20c0ae96c2f2019078fa604fee5b87d6e989ad7b',
  'bcab477be20861e01e4a0e295284146a510150d9817763caf1a6f4b422d67042',
  '2a292df7e32cababbd9de088d1d1abec9fc0440f637ed2fba145094dc14bea08',
  'f4a9e534fc0d216c44b218fa0c42d99635a0127ee2e53c712f70609649fdff22',
  '8268436f8c4126196cf64b3c7ddbda90746a378625f9813dd9b8457077256731',
  '2810e5cbc2cc4d4eece54f61c6f69758e289aa7ab440b3cbeaa21995c2f4232b',
  // x y is negative
  '3eb858e78f5a7254d8c9731174a94f76755fd3941c0ac93735c07ba14579630e',
  'a45fdc55c76448c049a1ab33f17023edfb2be3581e9c7aade8a6125215e04220',
  'd483fe813c6ba647ebbfd3ec41adca1c6130c2beeee9d9bf065c8d151c5f396e',
  '8a2e1d30050198c65a54483123960ccc38aef6848e1ec8f5f780e8523769ba32',
  '32888462f8b486c68ad7dd9610be5192bbeaf3b443951ac1a8118419d9fa097b',
  '227142501b9d4355ccba290404bde41575b037693cef1f438c47f8fbf35d1165',
  '5c37cc491da847cfeb9281d407efc41e15144c876e0170b499a96a22ed31e01e',
  '445425117cb8c90edcbc7c1cc0e74f747f2c1efa5630a967c64f287792a48a4b',
  // s = -1, y = 0
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
];

test('RFC 9496, A.1: multiples of the generator', () => {
  const { Point } = ristretto255;
  let point = Point.ZERO;
  for (const [i, encoded] of multiples.entries()) {
    expect(Buffer.from(point.toBytes()).toString('hex')).toBe(encoded);
    if (i > 0) expect(Buffer.from(Point.BASE.multiply(BigInt(i)).toBytes()).toString('hex')).toBe(encoded);
    point = point.add(Point.BASE);
  }
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
  expect(badEncodings).toHaveLength(29);
  for (const bad of [...badEncodings, multiples[0]!]) {
    const forged = points.slice();
    forged.set(hex(bad), choiceBytes);
    expect(() => baseSenderFinish(sender, forged, 2, session)).toThrow(/baseOtPoints\[1\]/);
    forged.set(points.subarray(choiceBytes, choiceBytes + pointBytes), choiceBytes);
    forged.set(hex(bad), choiceBytes + pointBytes);
    expect(() => baseSenderFinish(sender, forged, 2, session)).toThrow(/baseOtPoints\[1\]/);
  }
  expect(() => baseSenderFinish(sender, points.subarray(1), 2, session)).toThrow(ProtocolError);
});

/** The 30 bytes between the first, which is even, and the last, which is below 128, of each point. */
function inner(points: Uint8Array): number[] {
  return [...points].filter((_, i) => i % pointBytes !== 0 && i % pointBytes !== pointBytes - 1);
}

test('points show no choice: uniform for both; with one scalar for all transfers they would show', () => {
  const rng = seededRng('points');
  const { key } = baseSenderStart(rng);
  const n = 125;
  for (const choice of [0, 1]) {
    const choices = new Uint8Array(n).fill(choice);
    expect(residuesZ(inner(baseReceive(key, choices, session, rng).points), 256)).toBeLessThan(sixSigma);
  }
  const stuck = { bytes: (count: number) => new Uint8Array(count).fill(42) };
  const { points } = baseReceive(key, Uint8Array.of(0, 1), session, stuck);
  const place = (transfer: number, slot: number) =>
    points.subarray(choiceBytes * transfer + pointBytes * slot).subarray(0, pointBytes);
  expect(place(0, 1)).toEqual(place(1, 0)); // The point that was drawn lies in the slot that was not chosen.
});

test('a receiver that fixes both points knows at most one seed: each point moves the other slot’s seed', () => {
  const rng = seededRng('fixed');
  const sender = baseSenderStart(rng);
  const { points, seeds } = baseReceive(sender.key, Uint8Array.of(0), session, rng);
  const forged = points.slice();
  forged.set(hex(multiples[2]!), pointBytes); // r_1 of its own making, r_0 as it was
  const [before, after] = [points, forged].map((sent) => baseSenderFinish(sender, sent, 1, session)[0]!);
  expect(before![0]).toEqual(seeds[0]);
  expect(after![0]).not.toEqual(before![0]);
  expect(after![1]).not.toEqual(before![1]);
});
