/**
 * What both parties of base transfers take from the group ristretto255 [RFC 9496]. G is its generator; points
 * and scalars are strings of 32 bytes, scalars little-endian and below the group's order. `uniform` are 64
 * bytes, from which the element derivation of section 4.3.4 makes the point M(uniform).
 */
interface Group {
  /** 64 uniform bytes modulo the order, which are uniform up to 2^-259. */
  readonly scalar: (uniform: Uint8Array) => Uint8Array;
  /** s G */
  readonly multiple: (scalar: Uint8Array) => Uint8Array;
}

/** What the sender takes. */
export interface SenderGroup extends Group {
  /** s (P + M(uniform)). Undefined for bytes that encode no point, and for a P that is the identity. */
  readonly multipleOfSum: (
    scalar: Uint8Array,
    point: Uint8Array,
    uniform: Uint8Array,
  ) => Uint8Array | undefined;
}

/** What the receiver takes. */
export interface ReceiverGroup extends Group {
  /** s G - M(uniform) */
  readonly multipleLess: (scalar: Uint8Array, uniform: Uint8Array) => Uint8Array;
  /** The function from s to s P. Undefined for bytes that encode no point, and for the identity. */
  readonly multiplesOf: (point: Uint8Array) => ((scalar: Uint8Array) => Uint8Array) | undefined;
}

/** The encoding of the identity, which is canonical and which no honest peer sends. */
export function isIdentity(point: Uint8Array): boolean {
  return point.every((byte) => byte === 0);
}
