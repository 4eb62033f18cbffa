/**
 * The source of random bytes. It is always a parameter: the program passes `systemRng`, and tests pass the
 * seeded one from tests/helpers. Nothing in the program can weaken it.
 */
export interface Rng {
  /** `n` uniform bytes in a fresh buffer (offset 0, exact length). */
  bytes(n: number): Uint8Array<ArrayBuffer>;
}

/** The most bytes that one call of getRandomValues gives. */
const mostAtOnce = 65536;

/** The operating system's generator, through Web Crypto, which Node and browsers have. */
export const systemRng: Rng = {
  bytes(n) {
    const bytes = new Uint8Array(n);
    for (let at = 0; at < n; at += mostAtOnce) crypto.getRandomValues(bytes.subarray(at, at + mostAtOnce));
    return bytes;
  },
};

/** `n` uniform 32-bit words. */
export function randomWords(rng: Rng, n: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(rng.bytes(4 * n).buffer);
}
