import { ristretto255, ristretto255_hasher } from '@noble/curves/ed25519.js';
import { bytesToNumberLE } from '@noble/curves/utils.js';
import type { SenderGroup } from './group.ts';

const { Point } = ristretto255;
type Point = InstanceType<typeof Point>;

/**
 * The group by noble-curves, for pages, which are senders: it has a tenth of libsodium's size and of its
 * speed. It computes with bigints, so the time of a product may tell of the scalar.
 */
export const nobleGroup: SenderGroup = { scalar, multiple, multipleOfSum };

function scalar(uniform: Uint8Array): Uint8Array {
  return Point.Fn.toBytes(Point.Fn.create(bytesToNumberLE(uniform)));
}

function multiple(s: Uint8Array): Uint8Array {
  return Point.BASE.multiply(bytesToNumberLE(s)).toBytes();
}

function multipleOfSum(s: Uint8Array, bytes: Uint8Array, uniform: Uint8Array): Uint8Array | undefined {
  const sum = element(bytes)?.add(mapped(uniform));
  // A peer that deviates can choose this sum. noble refuses to multiply the identity.
  return (sum?.is0() ? sum : sum?.multiply(bytesToNumberLE(s)))?.toBytes();
}

function mapped(uniform: Uint8Array): Point {
  return ristretto255_hasher.deriveToCurve!(uniform);
}

function element(bytes: Uint8Array): Point | undefined {
  try {
    const point = Point.fromBytes(bytes);
    return point.is0() ? undefined : point;
  } catch {
    return undefined;
  }
}
