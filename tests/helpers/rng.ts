import { createCipheriv, createHash } from 'node:crypto';
import type { Rng } from '../../src/shared/random.ts';

/**
 * Deterministic bytes from a seed: AES-256-CTR under SHA-256(seed). It is for tests only and lives outside
 * the program.
 */
export function seededRng(seed: string | number): Rng {
  const key = createHash('sha256').update(String(seed)).digest();
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
  return {
    bytes(n) {
      return new Uint8Array(cipher.update(Buffer.alloc(n)));
    },
  };
}
