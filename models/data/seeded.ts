import type { Rng } from '../../src/shared/random.ts';

/**
 * A source of uniform numbers in [0, 1). It is reproducible and must not be used for secrets, only for
 * shuffles, augmentation and initial weights.
 */
export type Uniform = () => number;

/**
 * The generator sfc32 (C. Doty-Humphrey's PractRand) from an integer seed. `stream` selects independent
 * sequences of one seed (default: 0), so that an epoch's shuffle does not depend on how many numbers the last
 * epoch drew.
 */
export function seededUniform(seed: number, stream = 0): Uniform {
  let a = seed | 0;
  let b = Math.floor(seed / 2 ** 32) | 0;
  let c = stream | 0;
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  // Twelve rounds mix the seed, as in PractRand's own seeding.
  for (let i = 0; i < 12; i++) next();
  return () => next() / 2 ** 32;
}

/** A uniform integer in [0, n). */
export function uniformInt(uniform: Uniform, n: number): number {
  return Math.floor(uniform() * n);
}

/** 0 to n - 1 in random order (Fisher and Yates). */
export function permutation(n: number, uniform: Uniform): Uint32Array {
  const order = Uint32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = uniformInt(uniform, i + 1);
    const t = order[i]!;
    order[i] = order[j]!;
    order[j] = t;
  }
  return order;
}

/** The same generator as a source of bytes, for initial weights. It must never be used for cryptography. */
export function seededRng(seed: number, stream = 0): Rng {
  const uniform = seededUniform(seed, stream);
  return { bytes: (n) => Uint8Array.from({ length: n }, () => uniformInt(uniform, 256)) };
}
