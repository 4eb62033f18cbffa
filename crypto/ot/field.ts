/**
 * GF(2^128) in the order of GCM (SP 800-38D, 6.3): the top bit of byte 0 is the coefficient of x^0. Big
 * integers: some hundred operations an iteration, on values that a hash then hides, or that the other party
 * sees.
 */
const reduction = 0xe1n << 120n;

export function fieldOf(bytes: Uint8Array): bigint {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

export function ofField(x: bigint): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 16 }, (_, i) => Number((x >> BigInt(8 * (15 - i))) & 0xffn));
}

/** x times the field's x. */
export function alpha(x: bigint): bigint {
  return (x >> 1n) ^ (-(x & 1n) & reduction);
}

export function times(x: bigint, y: bigint): bigint {
  let product = 0n;
  for (let i = 127n; i >= 0n; i--) {
    product ^= -((y >> i) & 1n) & x;
    x = alpha(x);
  }
  return product;
}
