import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { ProtocolError } from '../../src/shared/errors.ts';
import type { Rng } from '../../src/shared/random.ts';
import { atOnce } from '../../src/shared/turns.ts';
import { concatenate } from '../bits.ts';
import { sha256 } from '../platform/platform.ts';
import { prgSeedBytes } from '../prg.ts';

/**
 * Random oblivious transfer on ristretto255 (RFC 9496) that bears parties that deviate: Masny and Rindal,
 * 'Endemic Oblivious Transfer' (CCS 2019), from the Diffie-Hellman key agreement. The sender publishes A = a
 * G. For choice c the receiver draws t and a point r_(1-c), and sends r_0, r_1 with
 *
 *   r_c = t G - H_c(r_(1-c))
 *
 * It keeps K(t A); the sender keeps K(a (r_j + H_j(r_(1-j)))) for both j. Whoever fixes one of the two points
 * fixes the other's hash, so the receiver knows the discrete logarithm of one sum only. A party that deviates
 * may choose its own seeds, which is what 'endemic' says and all that SoftSpokenOT asks of its base
 * transfers.
 *
 * H_j is RFC 9496's map of 64 bytes to a point, over SHA-512 (expand_message_xmd) of the session, the index
 * and the slot. K is SHA-256 over the session, the index, the slot and all points of the transfer, so that no
 * key of one transfer is one of another.
 */
const Point = ristretto255.Point;
type Point = InstanceType<typeof Point>;

export const pointBytes = 32;
/** Of the receiver's message, a transfer: r_0 and r_1. */
export const choiceBytes = 2 * pointBytes;

/** Transfers between two yields: some 10 ms. All 128 at once would keep every other session waiting. */
const piece = 8;

const domain = new TextEncoder().encode('reluctant base OT 2');

export type BaseSender = { readonly secret: bigint; readonly key: Uint8Array<ArrayBuffer> };

/** The sender's first message `key` (32 bytes) and the secret behind it. */
export function baseSenderStart(rng: Rng): BaseSender {
  const secret = randomScalar(rng);
  return { secret, key: encode(Point.BASE.multiply(secret)) };
}

export type BaseReceived = {
  /** [choices, 64 bytes], for the sender */
  readonly points: Uint8Array<ArrayBuffer>;
  /** one 16-byte seed a choice */
  readonly seeds: readonly Uint8Array[];
};

/**
 * The receiver's message and its seeds for `choices` (0 or 1 each). `session` separates runs.
 * Throws ProtocolError for a key that is not the canonical encoding of a point other than the identity.
 */
export function* baseReceiving(
  key: Uint8Array,
  choices: Uint8Array,
  session: Uint8Array,
  rng: Rng,
): Generator<void, BaseReceived> {
  // The window table pays after three of the 128 products.
  const senderPoint = decode(key, 'baseOtKey').precompute(6);
  const points = new Uint8Array(choiceBytes * choices.length);
  const seeds: Uint8Array[] = [];
  for (const [index, choice] of choices.entries()) {
    if (index % piece === 0) yield;
    const slot = choice === 0 ? 0 : 1;
    const t = randomScalar(rng);
    const other = encode(Point.BASE.multiply(randomScalar(rng)));
    const own = encode(Point.BASE.multiply(t).subtract(hashToPoint(session, index, slot, other)));
    const pair = slot === 0 ? [own, other] : [other, own];
    const sent = concatenate(pair);
    points.set(sent, choiceBytes * index);
    seeds.push(deriveSeed(session, index, slot, key, sent, senderPoint.multiply(t)));
  }
  return { points, seeds };
}

/** `baseReceiving` in one go. */
export function baseReceive(...args: Parameters<typeof baseReceiving>): BaseReceived {
  return atOnce(baseReceiving(...args));
}

/** One pair of 16-byte seeds a choice; the receiver has one of each pair. */
export type SeedPairs = readonly (readonly [Uint8Array, Uint8Array])[];

/** Throws ProtocolError for a message of a wrong length or a point that is not canonical or the identity. */
export function* baseSenderFinishing(
  sender: BaseSender,
  points: Uint8Array,
  count: number,
  session: Uint8Array,
): Generator<void, SeedPairs> {
  if (points.byteLength !== choiceBytes * count) {
    throw new ProtocolError(
      `base OT: expected baseOtPoints of ${choiceBytes * count} bytes, got ${points.byteLength}`,
    );
  }
  const pairs: [Uint8Array, Uint8Array][] = [];
  for (let index = 0; index < count; index++) {
    if (index % piece === 0) yield;
    const sent = points.subarray(choiceBytes * index, choiceBytes * (index + 1));
    const bytes = [sent.subarray(0, pointBytes), sent.subarray(pointBytes)] as const;
    const sums = bytes.map((own, slot) =>
      decode(own, `baseOtPoints[${index}]`).add(hashToPoint(session, index, slot, bytes[1 - slot]!)),
    );
    const seed = (slot: 0 | 1) =>
      deriveSeed(session, index, slot, sender.key, sent, product(sums[slot]!, sender.secret));
    pairs.push([seed(0), seed(1)]);
  }
  return pairs;
}

/** `baseSenderFinishing` in one go. */
export function baseSenderFinish(...args: Parameters<typeof baseSenderFinishing>): SeedPairs {
  return atOnce(baseSenderFinishing(...args));
}

/** A lying peer can make the sum the identity, which has no multiples but itself. */
function product(point: Point, scalar: bigint): Point {
  return point.is0() ? point : point.multiply(scalar);
}

function hashToPoint(session: Uint8Array, index: number, slot: number, other: Uint8Array): Point {
  return ristretto255_hasher.hashToCurve(concatenate([session, place(index, slot), other]), {
    DST: 'reluctant base OT 2: point',
  });
}

function deriveSeed(
  session: Uint8Array,
  index: number,
  slot: number,
  key: Uint8Array,
  sent: Uint8Array,
  shared: Point,
): Uint8Array {
  return sha256(domain, session, place(index, slot), key, sent, encode(shared)).subarray(0, prgSeedBytes);
}

function place(index: number, slot: number): Uint8Array {
  return Uint8Array.of(index & 0xff, index >>> 8, slot);
}

/** Uniform in [1, order) up to 2^-259: 64 bytes reduced. */
function randomScalar(rng: Rng): bigint {
  let value = 0n;
  for (const byte of rng.bytes(64)) value = (value << 8n) | BigInt(byte);
  return (value % (Point.Fn.ORDER - 1n)) + 1n;
}

function encode(point: Point): Uint8Array<ArrayBuffer> {
  return new Uint8Array(point.toBytes());
}

function decode(bytes: Uint8Array, what: string): Point {
  const point = tryDecode(bytes);
  if (point === undefined || point.is0()) {
    throw new ProtocolError(
      `base OT: expected ${what} to be a canonical ristretto255 point other than the identity, ` +
        'got another string',
    );
  }
  return point;
}

function tryDecode(bytes: Uint8Array): Point | undefined {
  try {
    return Point.fromBytes(bytes);
  } catch {
    return undefined;
  }
}
