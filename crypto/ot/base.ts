import { ristretto255 } from '@noble/curves/ed25519.js';
import { ProtocolError } from '../../src/shared/errors.ts';
import type { Rng } from '../../src/shared/random.ts';
import { sha256 } from '../platform/node.ts';
import { seedBytes } from '../prg.ts';

/**
 * Random oblivious transfer on ristretto255 [RFC 9496]: Chou and Orlandi, 'The simplest protocol for oblivious transfer'
 * (LATINCRYPT 2015), against semi-honest parties. The sender publishes A = a G; for choice c the receiver sends
 * B = b G + c A and keeps H(b A); the sender keeps H(a B) and H(a (B - A)). H is SHA-256 over the session, the index and
 * the two points of the transcript beside the shared one, so that no key of one transfer is a key of another.
 */
const Point = ristretto255.Point;
type Point = InstanceType<typeof Point>;

export const pointBytes = 32;

const domain = new TextEncoder().encode('reluctant base OT 1');

export type BaseSender = { readonly secret: bigint; readonly key: Uint8Array<ArrayBuffer> };

/** The sender's first message `key` (32 bytes) and the secret behind it. */
export function baseSenderStart(rng: Rng): BaseSender {
  const secret = randomScalar(rng);
  return { secret, key: encode(Point.BASE.multiply(secret)) };
}

export type BaseReceived = {
  /** [choices, 32 bytes], for the sender */
  readonly points: Uint8Array<ArrayBuffer>;
  /** one 16-byte seed a choice */
  readonly seeds: readonly Uint8Array[];
};

/**
 * The receiver's message and its seeds for `choices` (0 or 1 each). `session` separates runs.
 * Throws ProtocolError for a key that is not the canonical encoding of a point other than the identity.
 */
export function baseReceive(
  key: Uint8Array,
  choices: Uint8Array,
  session: Uint8Array,
  rng: Rng,
): BaseReceived {
  // The window table pays after three of the 128 products.
  const senderPoint = decode(key, 'baseOtKey').precompute(6);
  const points = new Uint8Array(pointBytes * choices.length);
  const seeds = Array.from(choices, (choice, index) => {
    const b = randomScalar(rng);
    const blind = Point.BASE.multiply(b);
    // Both points are computed whatever the choice.
    const candidates = [blind, blind.add(senderPoint)] as const;
    const point = encode(candidates[choice === 0 ? 0 : 1]);
    points.set(point, pointBytes * index);
    return deriveSeed(session, index, key, point, senderPoint.multiply(b));
  });
  return { points, seeds };
}

/** One pair of 16-byte seeds a choice; the receiver has one of each pair. */
export type SeedPairs = readonly (readonly [Uint8Array, Uint8Array])[];

/** Throws ProtocolError for a message of a wrong length or a point that is not canonical or the identity. */
export function baseSenderFinish(
  sender: BaseSender,
  points: Uint8Array,
  count: number,
  session: Uint8Array,
): SeedPairs {
  if (points.byteLength !== pointBytes * count) {
    throw new ProtocolError(
      `base OT: expected baseOtPoints of ${pointBytes * count} bytes, got ${points.byteLength}`,
    );
  }
  // a (B - A) = a B - a A
  const square = Point.BASE.multiply(sender.secret).multiply(sender.secret);
  return Array.from({ length: count }, (_, index) => {
    const point = points.subarray(pointBytes * index, pointBytes * (index + 1));
    const zero = decode(point, `baseOtPoints[${index}]`).multiply(sender.secret);
    const seed = (shared: Point) => deriveSeed(session, index, sender.key, point, shared);
    return [seed(zero), seed(zero.subtract(square))] as const;
  });
}

function deriveSeed(
  session: Uint8Array,
  index: number,
  key: Uint8Array,
  point: Uint8Array,
  shared: Point,
): Uint8Array {
  const indexBytes = Uint8Array.of(index & 0xff, index >>> 8);
  return sha256(domain, session, indexBytes, key, point, encode(shared)).subarray(0, seedBytes);
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
      `base OT: expected ${what} to be a canonical ristretto255 point other than the identity, got another string`,
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
