import type { Rng } from '../src/shared/random.ts';
import { aesCtr, blockBytes } from './platform/platform.ts';

export const prgSeedBytes = 16;

/**
 * AES-128-CTR as a pseudorandom generator. A seed gives the same stream of bytes, however many are asked for
 * per call.
 */
export function prg(seed: Uint8Array): Rng {
  const stream = aesCtr(seed, new Uint8Array(blockBytes));
  return {
    bytes(n) {
      const bytes = stream(n);
      // Callers view the whole buffer as words, so the bytes must start at its beginning. A Buffer is never
      // given out, because its slice() shares memory.
      const whole = bytes.byteOffset === 0 && bytes.buffer.byteLength === n;
      return whole ? new Uint8Array(bytes.buffer) : new Uint8Array(bytes);
    },
  };
}
