import type { Rng } from '../src/shared/random.ts';
import { aesCtr, blockBytes } from './platform/node.ts';

export const seedBytes = 16;

/** AES-128-CTR as a pseudorandom generator: the same seed gives the same bytes, however they are asked for. */
export function prg(seed: Uint8Array): Rng {
  const stream = aesCtr(seed, new Uint8Array(blockBytes));
  return {
    bytes(n) {
      const bytes = stream(n);
      // Callers view the buffer as words from its start.
      return bytes.byteOffset === 0 && bytes.buffer.byteLength === n ? bytes : new Uint8Array(bytes);
    },
  };
}
