import { randomFillSync } from 'node:crypto';

/**
 * The source of random bytes. It is always a parameter: the program passes `systemRng`, and tests pass the
 * seeded one from tests/helpers. Nothing in the program can weaken it.
 */
export interface Rng {
  /** `n` uniform bytes in a fresh buffer (offset 0, exact length). */
  bytes(n: number): Uint8Array<ArrayBuffer>;
}

/** The operating system's generator. */
export const systemRng: Rng = {
  bytes(n) {
    return randomFillSync(new Uint8Array(n));
  },
};

/** `n` uniform 32-bit words. */
export function randomWords(rng: Rng, n: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(rng.bytes(4 * n).buffer);
}
