import { randomFillSync } from 'node:crypto';

/**
 * Where every random bit comes from. It is always a parameter: the program passes `systemRng`, tests pass the seeded
 * one of tests/helpers. There is no switch in the program that weakens it.
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
